import { FacequeueError } from '@facequeue/schema';
import { RedisBatches } from './batch/batches.ts';
import { RedisCameras } from './camera/cameras.ts';
import type { JobRecord, NewJob, SubmitResult } from './job/job.ts';
import type { AdmissionLimits } from './limits/admission.ts';
import { recordFrom } from './job/record.ts';
import { Submissions } from './job/submissions.ts';
import { limitArguments } from './limits/admission.ts';
import { remembered, snapshotFrom } from './limits/snapshot.ts';
import { Announcements } from './notify/job-events.ts';
import { PING_WITHIN_MS } from './redis/connection.ts';
import { type Foundation, type FoundationOptions, openFoundation } from './redis/connections.ts';
import { answered } from './redis/errors.ts';
import { scriptsOn } from './redis/scripts.ts';
import { within } from './redis/within.ts';
import { everySecond, sweepOnce } from './sweep/sweeper.ts';

const SNAPSHOT_MS = 250;

export interface GatewayQueueOptions extends FoundationOptions {
  limits: AdmissionLimits;
  /** How long the record of an ended job is kept. */
  resultTtlMs: number;
  /** How long a batch is kept once it has ended. */
  batchTtlMs: number;
}

/**
 * Opens the gateway's side of the queue.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 */
export async function openGatewayQueue(options: GatewayQueueOptions): Promise<GatewayQueue> {
  const queue = new RedisGatewayQueue(options, await openFoundation(options, 'gateway'));
  try {
    await queue.open();
  } catch (error) {
    await queue.close();
    throw error;
  }
  return queue;
}

class RedisGatewayQueue implements GatewayQueue {
  readonly batches;
  readonly cameras;
  readonly #options: GatewayQueueOptions;
  readonly #foundation: Foundation;
  readonly #scripts;
  readonly #submissions;
  readonly #announcements;
  readonly snapshot;
  readonly #stopSweeping;
  #firstStart: Promise<number> | null = null;

  constructor(options: GatewayQueueOptions, foundation: Foundation) {
    const { prefix, redis, subscriber, transport, onError } = foundation;
    this.#options = options;
    this.#foundation = foundation;
    this.#announcements = new Announcements({
      main: redis,
      subscriber,
      prefix,
      read: (id) => this.#readOrGone(id),
      onError,
    });
    this.#scripts = scriptsOn(redis, prefix);
    const limits = limitArguments(options.limits);
    const context = { redis, prefix, scripts: this.#scripts, transport, onError };
    this.#submissions = new Submissions(context, limits, options.resultTtlMs);
    this.batches = new RedisBatches(context, limits, options);
    this.cameras = new RedisCameras(context, this.#submissions, limits, options.resultTtlMs);
    this.snapshot = remembered(SNAPSHOT_MS, () =>
      answered(async () => snapshotFrom(await this.#scripts('snapshot', ...limits))),
    );
    this.#stopSweeping = everySecond(async () => {
      if (redis.status !== 'ready') return;
      await this.#submissions.takeBackFailed();
      await sweepOnce(this.#scripts, transport);
    }, onError);
  }

  async open(): Promise<void> {
    await this.#announcements.open();
    await this.firstStart();
  }

  submit(job: NewJob): Promise<SubmitResult> {
    return this.#submissions.submit(job);
  }

  subscribe(id: string) {
    return this.#announcements.subscribe(id);
  }

  get listeners() {
    return this.#announcements.listeners;
  }

  wait(id: string) {
    return this.#announcements.wait(id);
  }

  read(id: string): Promise<JobRecord | null> {
    const { redis, prefix } = this.#foundation;
    return answered(async () => recordFrom(id, await redis.hgetallBuffer(`${prefix}:job:${id}`)));
  }

  cancel(id: string, which: 'live' | 'queued' = 'live'): Promise<JobRecord | null> {
    const only = which === 'queued' ? which : '';
    return answered(async () => ((await this.#scripts('cancel', id, only)) === -1 ? null : this.read(id)));
  }

  erase(id: string, owner: string): Promise<boolean> {
    return answered(async () => (await this.#scripts('erase', id, owner, this.#options.resultTtlMs)) === 1);
  }

  firstStart(): Promise<number> {
    this.#firstStart ??= answered(async () => (await this.#scripts('first-start')) as number).catch((error) => {
      this.#firstStart = null;
      throw error;
    });
    return this.#firstStart;
  }

  ping(): Promise<void> {
    return answered(async () => void (await within(PING_WITHIN_MS, this.#foundation.redis.ping())));
  }

  async close(): Promise<void> {
    this.#announcements.close();
    await this.#stopSweeping();
    await this.#foundation[Symbol.asyncDispose]();
  }

  /** @throws gone when the job was erased */
  async #readOrGone(id: string): Promise<JobRecord | null> {
    const record = await this.read(id);
    if (record) return record;
    const { redis, prefix } = this.#foundation;
    const erased = await answered(() => redis.exists(`${prefix}:gone:${id}`));
    if (erased) throw new FacequeueError('gone', 'The job was deleted.', { jobId: id });
    return null;
  }
}
