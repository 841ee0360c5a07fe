import { FacequeueError } from '@facequeue/schema';
import type { SubmitResult } from '../job/job.ts';
import { optionsArg } from '../job/options-arg.ts';
import { flowField } from '../job/record.ts';
import { idExists, type Submissions } from '../job/submissions.ts';
import { type AdmissionLimits, admissionError, type FullReply, limitsArg } from '../limits/admission.ts';
import { redisNow } from '../redis/clock.ts';
import type { Connections } from '../redis/connections.ts';
import { bytes, defineScript, number, optional, text } from '../redis/define-script.ts';
import { mapRedisErrors, publicError } from '../redis/errors.ts';
import { SharedReads } from '../redis/shared-reads.ts';
import { numberOf, readPage } from '../redis/stream-page.ts';
import type { CameraRecord, FrameResult, NewFrame } from './camera.ts';
import { endSuperseded, FRAMES_CHUNK } from './end-superseded.ts';
import { cameraFrom, frameResultFrom } from './record.ts';

/**
 * How long the record of an ended frame is kept at most, ms: its result is kept with the camera's, and a camera makes thousands of
 * frames an hour.
 */
const FRAME_TTL_MS = 60_000;

export const submitFrameScript = defineScript({
  file: new URL('./submit.lua', import.meta.url),
  args: {
    id: text,
    camera: text,
    keep: text,
    startTimeoutMs: number,
    resultTtlMs: number,
    limits: limitsArg,
    options: optionsArg,
    requestId: text,
    owner: text,
    flow: optional(text),
    maxPending: optional(number),
    maxCameras: number,
    takenAt: optional(number),
    max: number,
    blob: bytes,
  },
  reply: (
    reply:
      | ['ok', createdAt: number, expiresAt: number, more: number, ...tokens: string[]]
      | FullReply
      | ['share', retryAfterMs: number]
      | ['exists'],
  ) => reply,
});

/** @returns `exists`: whether there is, or was until lately, such a camera; `more`: whether it is to be called again */
export const eraseCameraScript = defineScript({
  file: new URL('./erase.lua', import.meta.url),
  args: { camera: text, max: number, tombstoneMs: number },
  reply: (reply: number) => ({ exists: reply !== -1, more: reply === 1 }),
});

/**
 * Cameras, from the gateway's side. A camera exists from its first frame until it has posted none for a day. Each API key has cameras of
 * its own.
 */
export class Cameras {
  readonly #connections: Connections;
  readonly #submissions: Submissions;
  readonly #limits: AdmissionLimits;
  readonly #reads = new SharedReads<readonly FrameResult[]>();
  readonly #max: number;
  readonly #frameTtlMs: number;
  readonly #tombstoneMs: number;

  /** @param max cameras at a time, of which frames could be decoded */
  constructor(
    connections: Connections,
    submissions: Submissions,
    limits: AdmissionLimits,
    { resultTtlMs, max }: { resultTtlMs: number; max: number },
  ) {
    this.#max = max;
    this.#connections = connections;
    this.#submissions = submissions;
    this.#limits = limits;
    this.#frameTtlMs = Math.min(FRAME_TTL_MS, resultTtlMs);
    this.#tombstoneMs = resultTtlMs;
  }

  /** @throws queue_full and quota_exceeded (with retryAfterMs), unavailable */
  submit(frame: NewFrame): Promise<SubmitResult> {
    const { id, owner, flow, keep, options, requestId, takenAt } = frame;
    return this.#submissions.attempt(id, async () => {
      const { scripts, bullQueues, onError } = this.#connections;
      const camera = nameOf(owner, frame.camera);
      const reply = await scripts.run(submitFrameScript, {
        id,
        camera,
        keep,
        startTimeoutMs: Math.round(frame.startTimeoutMs),
        resultTtlMs: this.#frameTtlMs,
        limits: this.#limits,
        options,
        requestId,
        owner,
        flow: flowField(flow, owner),
        maxPending: frame.maxPending,
        maxCameras: this.#max,
        takenAt,
        max: FRAMES_CHUNK,
        blob: frame.bytes,
      });
      if (reply[0] === 'full') throw admissionError(reply);
      if (reply[0] === 'share') throw shareUsed(reply[1]);
      if (reply[0] === 'exists') throw idExists();
      const [, createdAt, expiresAt, more, ...tokens] = reply;
      await bullQueues.addAll(tokens, 'cameras');
      // The frame is in. The sweep ends the others if this cannot.
      if (more) await endSuperseded(scripts, camera).catch((error) => onError(publicError(error)));
      return { id, createdAt, expiresAt, replayed: false };
    });
  }

  /** An owner's cameras by name. */
  list(owner: string): Promise<CameraRecord[]> {
    return mapRedisErrors(async () => {
      const { redis, keys } = this.#connections;
      const all = await redis.zrange(keys.cameras, 0, '-1');
      const own = all.filter((name) => name.startsWith(`${owner}/`)).sort();
      const records = await this.#read(own);
      return records.filter((record) => record !== null);
    });
  }

  read(owner: string, camera: string): Promise<CameraRecord | null> {
    return mapRedisErrors(async () => (await this.#read([nameOf(owner, camera)]))[0] ?? null);
  }

  /**
   * Erases an owner's camera: its waiting frames with their images, and its results. Frames that workers have are canceled. A tombstone
   * stays for RESULT_TTL, so that a second call is told apart from an unknown name. A frame that arrives afterwards begins a new camera.
   * @returns whether there is, or was until lately, such a camera
   */
  erase(owner: string, camera: string): Promise<boolean> {
    const { scripts } = this.#connections;
    const call = { camera: nameOf(owner, camera), max: FRAMES_CHUNK, tombstoneMs: this.#tombstoneMs };
    return mapRedisErrors(async () => {
      for (;;) {
        const { exists, more } = await scripts.run(eraseCameraScript, call);
        if (!more) return exists;
      }
    });
  }

  /** What `GatewayQueue.subscribe` takes to notify of a camera's results. */
  topic(owner: string, camera: string): string {
    return `camera:${nameOf(owner, camera)}`;
  }

  /**
   * A page of the results still kept, the last CAMERA_RESULTS of a camera, oldest first.
   * @param after a cursor, kept or not; '' from the oldest kept
   */
  results(owner: string, camera: string, after: string, max: number): Promise<readonly FrameResult[]> {
    const { redis } = this.#connections;
    const stream = this.#frames(owner, camera);
    return this.#reads.read(`${max} ${after} ${stream}`, () =>
      mapRedisErrors(async () => (await readPage(redis, stream, after, max)).map(frameResultFrom)),
    );
  }

  /** The cursor of the newest result; '' when there is none. */
  newest(owner: string, camera: string): Promise<string> {
    const { redis } = this.#connections;
    return mapRedisErrors(async () => {
      const [last] = await redis.xrevrange(this.#frames(owner, camera), '+', '-', 'COUNT', 1);
      return last ? numberOf(last[0]) : '';
    });
  }

  #frames(owner: string, camera: string): string {
    return this.#connections.keys.frames(nameOf(owner, camera));
  }

  async #read(names: string[]): Promise<(CameraRecord | null)[]> {
    const { redis, keys } = this.#connections;
    const [now, ...records] = await Promise.all([
      redisNow(redis),
      ...names.map((name) => redis.hgetall(keys.camera(name))),
    ]);
    return names.map((name, i) => cameraFrom(name, records[i]!, now));
  }
}

const shareUsed = (retryAfterMs: number) =>
  new FacequeueError('quota_exceeded', 'the share of cameras is used up, and none of them is idle', { retryAfterMs });

/** Two API keys may have cameras of one name. */
const nameOf = (owner: string, camera: string) => `${owner}/${camera}`;
