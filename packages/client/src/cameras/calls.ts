import type { CallerOptions, CameraList, CameraResource, FrameEvent, JobResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import type { CallOptions } from '../call-options.ts';
import { type Image, queryString, requestBody } from '../detection.ts';
import { dataOf, streamedEvents } from '../streamed-events.ts';
import type { Transport } from '../transport.ts';

/** Options of a frame. docs/cameras.md explains each. */
export type FrameOptions = CallerOptions & {
  /** `latest`, the default: supersedes the camera's pending frames. `all`: waits after them. */
  keep?: 'latest' | 'all';
  /** Seconds after its arrival within which it must be started, 0.05 to 3600. */
  max_age?: number;
  /** When it was taken; its event has it as `frame_time`. Text is ISO 8601. */
  frame_time?: Date | string;
};

/** The result of a frame, and its position among those of its camera, for `after`. */
export type CameraFrame = FrameEvent & { cursor: string };

export interface FramesOptions extends CallOptions {
  /** `cursor` of the frame after which to start, or `start` for the oldest that is kept. New frames only when absent. */
  after?: string;
  /** Called when a connection is open, with its cursor. After the first call no result is missed, even if connections break. */
  onOpen?: (cursor: string) => void;
}

/** The calls for cameras. Errors are those of `Client`. */
export interface CameraCalls {
  /**
   * Submits a frame and returns its job. It is retried only when the service says that it did not accept the frame; after a broken
   * connection that is unknown.
   */
  postFrame(
    camera: string,
    image: Extract<Image, { bytes: unknown }>,
    options?: FrameOptions,
    call?: CallOptions,
  ): Promise<JobResource>;
  /** Every camera that has posted a frame in the last day. */
  cameras(call?: CallOptions): Promise<CameraResource[]>;
  /** Counts and rates of a camera. Throws `not_found` when it has posted no frame in the last day. */
  camera(name: string, call?: CallOptions): Promise<CameraResource>;
  /** Erases a camera with its waiting frames and its results. Throws `not_found` when it has posted no frame in the last day. */
  eraseCamera(name: string, call?: CallOptions): Promise<void>;
  /**
   * The results of a camera's frames, as frames end, until you stop reading. The camera need not have posted a frame yet. Survives
   * broken connections as `wait` does and continues after the last result.
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
        ...(frameTime !== undefined && { headers: { 'x-frame-time': headerTime(frameTime) } }),
        body: requestBody(image),
        repeatable: false,
        signal,
      });
      return json;
    },
    cameras: async (options) => (await read<CameraList>('/cameras', options)).cameras,
    camera: (name, options) => read(cameraPath(name), options),
    async eraseCamera(name, { signal } = {}) {
      await call({ method: 'DELETE', path: cameraPath(name), repeatable: true, signal });
    },
    async *frames(camera, options = {}) {
      for await (const event of streamedEvents(open, `${cameraPath(camera)}/events`, options)) {
        // Skips events unknown to this version.
        if (event.type === 'frame') yield { ...dataOf<FrameEvent>(event), cursor: event.lastEventId };
      }
    },
  };
}

const cameraPath = (name: string) => `/cameras/${encodeURIComponent(name)}`;

function headerTime(time: Date | string): string {
  if (typeof time === 'string') return time;
  if (Number.isNaN(time.getTime())) throw new FacequeueError('invalid_request', 'frame_time is not a valid time');
  return time.toISOString();
}
