import type { Redis } from 'ioredis';
import type { Transport } from '../bullmq/bull-queues.ts';
import type { CameraRecord, FrameResult, NewFrame } from './camera.ts';
import type { SubmitResult } from '../job/job.ts';
import { Refusal, type Submissions } from '../job/submissions.ts';
import { type AdmissionReason, refusalText } from '../limits/admission.ts';
import { answered } from '../redis/errors.ts';
import type { Scripts } from '../redis/scripts.ts';
import { readPage } from '../redis/stream-page.ts';
import { cameraFrom, frameResultFrom } from './record.ts';

/**
 * How long the record of an ended frame is kept at most, ms: its result is kept with the camera's, and a camera makes thousands of
 * frames an hour.
 */
const FRAME_TTL_MS = 60_000;

interface Context {
  redis: Redis;
  prefix: string;
  scripts: Scripts;
  transport: Transport;
}

/** Cameras from the gateway's side, in Redis. */
export class RedisCameras implements Cameras {
  readonly #context: Context;
  readonly #submissions: Submissions;
  readonly #limits: readonly number[];
  readonly #frameTtlMs: number;

  /** @param limits as scripts take them */
  constructor(context: Context, submissions: Submissions, limits: readonly number[], resultTtlMs: number) {
    this.#context = context;
    this.#submissions = submissions;
    this.#limits = limits;
    this.#frameTtlMs = Math.min(FRAME_TTL_MS, resultTtlMs);
  }

  submit(frame: NewFrame): Promise<SubmitResult> {
    return this.#submissions.attempt(frame.id, async () => {
      const reply = (await this.#context.scripts(
        'submit-frame',
        frame.id,
        nameOf(frame.owner, frame.camera),
        frame.keep,
        Math.round(frame.startWithinMs),
        this.#frameTtlMs,
        ...this.#limits,
        JSON.stringify(frame.options),
        frame.requestId,
        frame.owner,
        frame.takenAt ?? '',
        frame.bytes,
      )) as ['ok', number, number, ...string[]] | ['full', AdmissionReason, number] | ['exists'];
      if (reply[0] === 'full')
        throw new Refusal('queue_full', refusalText(reply[1]), { retryAfterMs: reply[2], reason: reply[1] });
      if (reply[0] === 'exists') throw new Refusal('internal_error', 'A job of this id exists already.');
      const [, createdAt, expiresAt, ...turns] = reply;
      if (turns.length) await this.#context.transport.addTurns(turns, 'cameras');
      return { id: frame.id, createdAt, expiresAt, replayed: false };
    });
  }

  list(owner: string): Promise<CameraRecord[]> {
    return answered(async () => {
      const all = await this.#context.redis.zrange(`${this.#context.prefix}:cameras`, 0, '-1');
      const own = all.filter((name) => name.startsWith(`${owner}/`)).sort();
      const records = await this.#read(own);
      return records.filter((record) => record !== null);
    });
  }

  read(owner: string, camera: string): Promise<CameraRecord | null> {
    return answered(async () => (await this.#read([nameOf(owner, camera)]))[0] ?? null);
  }

  topic(owner: string, camera: string): string {
    return `camera:${nameOf(owner, camera)}`;
  }

  results(owner: string, camera: string, after: string, max: number): Promise<FrameResult[]> {
    const { redis } = this.#context;
    return answered(async () => (await readPage(redis, this.#frames(owner, camera), after, max)).map(frameResultFrom));
  }

  newest(owner: string, camera: string): Promise<string> {
    const { redis } = this.#context;
    return answered(async () => {
      const [last] = await redis.xrevrange(this.#frames(owner, camera), '+', '-', 'COUNT', 1);
      return last?.[0].split('-', 1)[0] ?? '';
    });
  }

  #frames(owner: string, camera: string): string {
    return `${this.#context.prefix}:frames:${nameOf(owner, camera)}`;
  }

  async #read(names: string[]): Promise<(CameraRecord | null)[]> {
    const { redis, prefix } = this.#context;
    const [[seconds, micros], ...records] = await Promise.all([
      redis.time(),
      ...names.map((name) => redis.hgetall(`${prefix}:camera:${name}`)),
    ]);
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    return names.map((name, i) => cameraFrom(name, records[i]!, now));
  }
}

/** Two keys may have cameras of one name. */
const nameOf = (owner: string, camera: string) => `${owner}/${camera}`;
