import { cachedFor } from '@facequeue/time';
import { Batches } from './batch/batches.ts';
import { Cameras } from './camera/cameras.ts';
import { CONSTANTS } from './constants.ts';
import { Weights } from './flow/weights.ts';
import type { JobRecord, NewJob, SubmitResult } from './job/job.ts';
import { Jobs } from './job/jobs.ts';
import { Submissions } from './job/submissions.ts';
import type { AdmissionLimits } from './limits/admission.ts';
import { type Snapshot, snapshotScript } from './limits/snapshot.ts';
import type { CompletionWait } from './notify/completion-waits.ts';
import { JobEvents } from './notify/job-events.ts';
import type { Subscription } from './notify/subscriptions.ts';
import { KeyUses } from './quota/key-uses.ts';
import { Quotas } from './quota/quotas.ts';
import { PING_TIMEOUT_MS } from './redis/connection.ts';
import { type ConnectionOptions, type Connections, openConnections, openOrClose } from './redis/connections.ts';
import { mapRedisErrors, orUnavailable } from './redis/errors.ts';
import { everySecond, sweepDue } from './sweep/sweeper.ts';

const SNAPSHOT_MS = 250;

export interface GatewayQueueOptions extends ConnectionOptions {
  limits: AdmissionLimits;
  /** How long the record of an ended job is kept, ms. */
  resultTtlMs: number;
  /** How long a batch is kept once it has ended, ms. */
  batchTtlMs: number;
  /** Cameras at a time, of which frames could be decoded. */
  maxCameras?: number;
  /** Batches that may be open at a time; absent: as many as are created. */
  maxOpenBatches?: number;
}

/**
 * Opens the gateway's side of the queue.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 * @example
 * const queue = await openGatewayQueue({ url, prefix: '{fq}', limits, resultTtlMs: 3_600_000, batchTtlMs: 86_400_000, onError });
 * const id = newJobId();
 * using wait = queue.wait(id);
 * await queue.submit({ id, queue: 'interactive', source, options, requestId, owner: '', startTimeoutMs: 60_000 });
 * const record = await wait.ended(10_000);
 */
export async function openGatewayQueue(options: GatewayQueueOptions): Promise<GatewayQueue> {
  return openOrClose(new GatewayQueue(options, await openConnections(options, 'gateway')));
}

/** The gateway's side. Every call throws `unavailable` when Redis cannot be reached. */
export class GatewayQueue {
  readonly batches: Batches;
  readonly cameras: Cameras;
  /** Rates and concurrency of owners' calls. */
  readonly quotas: Quotas;
  readonly keyUses: KeyUses;
  /** How many turns flows have for one of the others. */
  readonly weights: Weights;
  /** Figures of the whole installation, at most 250 ms old. */
  readonly snapshot: () => Promise<Snapshot>;
  readonly #connections: Connections;
  readonly #submissions: Submissions;
  readonly #jobs: Jobs;
  readonly #events: JobEvents;
  readonly #stopSweeping: () => Promise<void>;

  /** For `openGatewayQueue`. */
  constructor(
    {
      limits,
      resultTtlMs,
      batchTtlMs,
      maxCameras: max = CONSTANTS.MAX_CAMERAS,
      maxOpenBatches: maxOpen = Number.MAX_SAFE_INTEGER,
    }: GatewayQueueOptions,
    connections: Connections,
  ) {
    const { redis, scripts, onError } = connections;
    this.#connections = connections;
    this.#jobs = new Jobs(connections, resultTtlMs);
    this.#events = new JobEvents(connections, (id) => this.#jobs.readUnlessErased(id));
    this.#submissions = new Submissions(connections, limits, resultTtlMs);
    this.batches = new Batches(connections, limits, { batchTtlMs, resultTtlMs, maxOpen });
    this.cameras = new Cameras(connections, this.#submissions, limits, { resultTtlMs, max });
    this.quotas = new Quotas(connections);
    this.keyUses = new KeyUses(connections);
    this.weights = new Weights(connections);
    this.snapshot = cachedFor(SNAPSHOT_MS, () => mapRedisErrors(() => scripts.run(snapshotScript, { limits })));
    this.#stopSweeping = everySecond(async () => {
      if (redis.status !== 'ready') return;
      await this.#submissions.abortFailed();
      await sweepDue(connections);
    }, onError);
  }

  /** For `openGatewayQueue`. */
  async open(): Promise<void> {
    await this.#events.open();
    await this.firstStart();
  }

  /** @throws queue_full (with retryAfterMs; nothing is reserved then), idempotency_conflict, unavailable */
  submit(job: NewJob): Promise<SubmitResult> {
    return this.#submissions.submit(job);
  }

  /** Begin it before `submit`: nothing that happens afterwards is missed. */
  wait(id: string): CompletionWait {
    return this.#events.wait(id);
  }

  /**
   * Begin it before the first `read`: no later change is missed.
   * @param id of a job or batch, or a camera's `Cameras.topic`
   * @example
   * using changes = queue.subscribe(id);
   * for (let record = await queue.read(id); record && !isTerminal(record.status); record = await queue.read(id))
   *   await changes.nextChange(15_000);
   */
  subscribe(id: string): Subscription {
    return this.#events.subscribe(id);
  }

  /** Waits and subscriptions that have not been disposed. */
  get listeners(): { waits: number; subscriptions: number } {
    return this.#events.listeners;
  }

  /** The record with its result, or null when there is none. */
  read(id: string): Promise<JobRecord | null> {
    return this.#jobs.read(id);
  }

  /**
   * Ends a job that has not ended; with `queued` only one that does not run yet, checked in the same step.
   * @returns the record as it is after the call, null when there is none
   */
  cancel(id: string, which: 'live' | 'queued' = 'live'): Promise<JobRecord | null> {
    return this.#jobs.cancel(id, which === 'queued');
  }

  /**
   * Cancels a live job and erases record, image, result, idempotency reservation and undelivered webhook of `owner`'s job at once. A
   * tombstone stays for RESULT_TTL, so that a second call is told apart from an unknown id.
   * @returns whether there is, or was, such a job of this owner
   */
  erase(id: string, owner: string): Promise<boolean> {
    return this.#jobs.erase(id, owner);
  }

  /** Unix milliseconds of this installation's first start: an older id cannot be one of ours. */
  firstStart(): Promise<number> {
    return this.#jobs.firstStart();
  }

  ping(): Promise<void> {
    const { redis } = this.#connections;
    return mapRedisErrors(async () => void (await orUnavailable(redis.ping(), PING_TIMEOUT_MS)));
  }

  async close(): Promise<void> {
    this.#events.close();
    this.quotas[Symbol.dispose]();
    this.weights[Symbol.dispose]();
    await this.keyUses.close();
    await this.#stopSweeping();
    await this.#connections[Symbol.asyncDispose]();
  }
}
