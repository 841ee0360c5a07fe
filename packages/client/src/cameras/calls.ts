import type { CallerOptions, CameraList, CameraResource, FrameEvent, JobResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import type { CallOptions } from '../call-options.ts';
import { type Image, queryString, requestBody } from '../detection.ts';
import { dataOf, streamedEvents } from '../streamed-events.ts';
import type { Transport } from '../transport.ts';

/** What may be asked of a frame; docs/cameras.md says what each is for. */
export type FrameOptions = CallerOptions & {
  /** Whether it takes the place of frames that still wait, which it does when absent, or waits behind them. */
  keep?: 'latest' | 'all';
  /** Seconds from its arrival after which it is not worth starting, 0.05 to 3600. */
  max_age?: number;
  /** When it was taken: what its event has as `frame_time`. Text is ISO 8601. */
  frame_time?: Date | string;
};

/** The result of a frame, and where it stands among those of its camera: what `after` takes. */
export type CameraFrame = FrameEvent & { cursor: string };

export interface FramesOptions extends CallOptions {
  /** `cursor` of the last frame that is not wanted any more, or `start` for all that are kept. Without it, what is new. */
  after?: string;
  /** Called each time a stream has begun, with the cursor it has come to: from the first time on nothing is missed, whatever breaks. */
  onOpen?: (cursor: string) => void;
}

/** The part of the client that works with cameras. Errors as everywhere in it. */
export interface CameraCalls {
  /**
   * Hands in a frame and gives its job. It is tried again only when the service says that it did not take it: after a broken
   * connection it may have.
   */
  postFrame(
    camera: string,
    image: Extract<Image, { bytes: unknown }>,
    options?: FrameOptions,
    call?: CallOptions,
  ): Promise<JobResource>;
  /** Every camera that has posted a frame within a day. */
  cameras(call?: CallOptions): Promise<CameraResource[]>;
  /** What a camera has done so far. Throws `not_found` for one that has posted no frame within a day. */
  camera(name: string, call?: CallOptions): Promise<CameraResource>;
  /**
   * The results of a camera's frames as they come, for as long as they are read; also of a camera that has posted none yet.
   * Gets over breaks as `wait` does, and goes on behind the last frame that came.
   */
  frames(camera: string, options?: FramesOptions): AsyncIterable<CameraFrame>;
}

export function createCameraCalls({ call, open }: Transport): CameraCalls {
  const read = async <T>(path: string, { signal }: CallOptions = {}) =>
    (await call<T>({ method: 'GET', path, repeatable: true, signal })).json;

  return {
    async postFrame(camera, image, { frame_time: frameTime, ...options } = {}, { signal } = {}) {
      const { json } = await call<JobResource>({
        method: 'POST',
        path: `${cameraPath(camera)}/frames${queryString(options)}`,
        ...(frameTime !== undefined && { headers: { 'x-frame-time': shownTime(frameTime) } }),
        body: requestBody(image),
        repeatable: false,
        signal,
      });
      return json;
    },
    cameras: async (options) => (await read<CameraList>('/cameras', options)).cameras,
    camera: (name, options) => read(cameraPath(name), options),
    async *frames(camera, options = {}) {
      for await (const event of streamedEvents(open, `${cameraPath(camera)}/events`, options)) {
        // Events this version does not know are left out.
        if (event.type === 'frame') yield { ...dataOf<FrameEvent>(event), cursor: event.lastEventId };
      }
    },
  };
}

const cameraPath = (name: string) => `/cameras/${encodeURIComponent(name)}`;

function shownTime(time: Date | string): string {
  if (typeof time === 'string') return time;
  if (Number.isNaN(time.getTime())) throw new FacequeueError('invalid_request', 'frame_time is no time');
  return time.toISOString();
}
