import { isTerminal, type JobStatus, type QueueName } from '@facequeue/schema';
import { BatchTasks } from './batch/tasks.ts';
import { type Consumer, type JobHandler, startConsumer } from './bullmq/consumer.ts';
import { ActiveJobs } from './job/active-jobs.ts';
import { Claims } from './job/claims.ts';
import { jobOfDelivery } from './job/delivery-id.ts';
import type { ClaimedJob, Outcome } from './job/job.ts';
import type { AdmissionLimits } from './limits/admission.ts';
import { heartbeatScript, WORKER_SILENCE_MS, type WorkerInfo } from './limits/workers.ts';
import { PING_TIMEOUT_MS } from './redis/connection.ts';
import { type ConnectionOptions, type Connections, openConnections, openOrClose } from './redis/connections.ts';
import { orUnavailable, publicError } from './redis/errors.ts';
import { everySecond, sweepDue } from './sweep/sweeper.ts';
import type { WebhookDelivery, WebhookOutcome } from './webhook/delivery.ts';
import { Webhooks } from './webhook/webhooks.ts';

export interface WorkerQueueOptions extends ConnectionOptions {
  /** Attempts after which a job ends `failed`. */
  maxAttempts: number;
  /** Limits for items that a listing appends: the gateways' own. */
  limits: AdmissionLimits;
}

/**
 * Opens the worker's side of the queue. While Redis is unreachable its calls wait; only `ping` fails.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 * @example
 * const queue = await openWorkerQueue({ url, prefix: '{fq}', maxAttempts: 5, limits, onError });
 * await queue.consume('interactive', { concurrency: 4 }, async (deliveryId, signal) => {
 *   const job = await queue.claim(deliveryId, workerId);
 *   if (!job || !(await queue.start(job.id, job.attempt))) return;
 *   await queue.finish(job.id, job.attempt, await detect(job, signal));
 * });
 */
export async function openWorkerQueue(options: WorkerQueueOptions): Promise<WorkerQueue> {
  return openOrClose(new WorkerQueue(options, await openConnections(options, 'worker')));
}

/** The worker's side. */
export class WorkerQueue {
  readonly tasks: BatchTasks;
  readonly #connections: Connections;
  readonly #activeJobs = new ActiveJobs();
  readonly #claims: Claims;
  readonly #webhooks: Webhooks;
  readonly #cancelListeners = new Set<(id: string) => void>();
  readonly #consumers = new Set<Consumer>();
  readonly #workerIds = new Set<string>();
  readonly #stopSweeping: () => Promise<void>;
  /** The image that the last claim read early, until it is used. */
  #earlyBlob: { id: string; blob: Promise<Buffer | null> } | null = null;

  /** For `openWorkerQueue`. */
  constructor({ maxAttempts, limits }: WorkerQueueOptions, connections: Connections) {
    const { redis, onError } = connections;
    this.#connections = connections;
    this.#claims = new Claims(connections, this.#activeJobs, maxAttempts);
    this.#webhooks = new Webhooks(connections);
    this.tasks = new BatchTasks(connections, limits);
    this.#stopSweeping = everySecond(async () => {
      if (redis.status !== 'ready') return;
      await sweepDue(connections);
      await this.#webhooks.due.notifyIfAny();
      await this.tasks.due.notifyIfAny();
    }, onError);
  }

  /** For `openWorkerQueue`. */
  async open(): Promise<void> {
    const { subscriber, keys, onError } = this.#connections;
    const { canceled, taskDue } = keys.channels;
    subscriber.on('message', (channel: string, id: string) => {
      if (channel === canceled) this.#canceled(id);
      else if (channel === taskDue) this.tasks.due.notify();
      else this.#webhooks.due.notify();
    });
    await this.#subscribe();
    // The message about a job that was canceled while the connection was down reached nobody.
    subscriber.on('ready', () => {
      this.#subscribe()
        .then(() => this.#recheck())
        .catch(onError);
    });
  }

  /**
   * Starts to take jobs from a queue.
   * @param options `concurrency`: handlers that run at a time, those apart that have left their place
   */
  async consume(queue: QueueName, options: { concurrency: number }, handler: JobHandler): Promise<Consumer> {
    const { redis, prefix, onError } = this.#connections;
    const context = {
      redis,
      prefix,
      activeJobs: this.#activeJobs,
      release: (id: string, attempt: number, delayMs: number) => this.release(id, attempt, delayMs),
      onError,
    };
    const consumer = await startConsumer(context, queue, options.concurrency, handler);
    this.#consumers.add(consumer);
    return consumer;
  }

  /**
   * Claims a delivered job and counts the attempt.
   * @param deliveryId what a handler is called with: a job's id, or a token of a batch's or camera's lane, which takes its next entry
   * @returns null when the job has ended, does not exist, has a live claim, has just been ended at its attempt limit, or the lane is
   * empty
   */
  claim(deliveryId: string, workerId: string): Promise<ClaimedJob | null> {
    const claiming = this.#claims.claim(deliveryId, workerId);
    this.#earlyBlob = this.#activeJobs.size > 1 ? null : this.#readEarly(deliveryId);
    return claiming;
  }

  /**
   * The image bytes of an inline job; null when they no longer exist. Nothing else uses them, so the caller may free their memory. Call it
   * once for each claim.
   */
  blob(id: string): Promise<Buffer | null> {
    const early = this.#earlyBlob;
    if (early?.id !== id) return this.#readBlob(id);
    this.#forgetEarlyBlob(id);
    return early.blob;
  }

  /**
   * Reads the image of a delivered job immediately after its claim is sent, which saves a round trip. Only while no other job runs: when
   * several flows wait, a delivery often brings another job than the one it names, and the image would be read in vain.
   */
  #readEarly(deliveryId: string): { id: string; blob: Promise<Buffer | null> } | null {
    const id = jobOfDelivery(deliveryId);
    if (id === null) return null;
    const blob = this.#readBlob(id);
    // Whoever awaits it gets its error.
    blob.catch(() => {});
    return { id, blob };
  }

  #forgetEarlyBlob(id: string): void {
    if (this.#earlyBlob?.id === id) this.#earlyBlob = null;
  }

  #readBlob(id: string): Promise<Buffer | null> {
    const { redis, keys } = this.#connections;
    return redis.getBuffer(keys.blob(id));
  }

  /** The record says `processing` from here on. False when the job has ended or the claim is stale: abandon it. */
  start(id: string, attempt: number): Promise<boolean> {
    return this.#claims.start(id, attempt);
  }

  /** False when the job had ended or the claim is stale: the outcome is discarded. */
  finish(id: string, attempt: number, outcome: Outcome): Promise<boolean> {
    this.#forgetEarlyBlob(id);
    return this.#claims.finish(id, attempt, outcome);
  }

  /**
   * Returns a claimed job to its queue, to be run again after `delayMs`. False when it has ended or the claim is stale.
   * @param forgiven the attempt does not count towards the limit, because the worker ends it and not the job: at a shutdown, for example
   */
  release(id: string, attempt: number, delayMs: number, forgiven = false): Promise<boolean> {
    this.#forgetEarlyBlob(id);
    return this.#claims.release(id, attempt, delayMs, forgiven);
  }

  /** Calls `listener` when an active job of this worker is canceled. @returns ends that */
  onCancel(listener: (id: string) => void): () => void {
    this.#cancelListeners.add(listener);
    return () => this.#cancelListeners.delete(listener);
  }

  /**
   * Leases webhooks that are due, at most `max`, and of one host at most `perHost` at a time over all workers. Resolves with none
   * when none is due.
   */
  leaseWebhooks(max: number, perHost: number, leaseMs: number): Promise<WebhookDelivery[]> {
    return this.#webhooks.lease(max, perHost, leaseMs);
  }

  /** Reports an attempt. False when the lease was lost: another worker tries. */
  reportWebhook(delivery: WebhookDelivery, outcome: WebhookOutcome): Promise<boolean> {
    return this.#webhooks.report(delivery, outcome);
  }

  /** Calls `listener` when a webhook may have become due. @returns ends that */
  onWebhookDue(listener: () => void): () => void {
    return this.#webhooks.due.add(listener);
  }

  async heartbeat(info: WorkerInfo): Promise<void> {
    const { redis, scripts } = this.#connections;
    this.#workerIds.add(info.id);
    // A heartbeat that waits for Redis would be outdated when it arrives.
    if (redis.status !== 'ready') return;
    await scripts.run(heartbeatScript, { id: info.id, info: { ...info, flows: true }, silenceMs: WORKER_SILENCE_MS });
  }

  /** @throws unavailable */
  async ping(): Promise<void> {
    const { redis } = this.#connections;
    if (redis.status !== 'ready') throw publicError(new Error('not connected'));
    await orUnavailable(redis.ping(), PING_TIMEOUT_MS);
  }

  /** Stops taking jobs and waits for the active ones. */
  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#stopSweeping();
    const { redis, keys } = this.#connections;
    if (redis.status === 'ready' && this.#workerIds.size) await redis.hdel(keys.workers, ...this.#workerIds);
    await this.#connections[Symbol.asyncDispose]();
  }

  async #subscribe(): Promise<void> {
    const { subscriber, keys } = this.#connections;
    const { canceled, webhookDue, taskDue } = keys.channels;
    await subscriber.subscribe(canceled, webhookDue, taskDue);
  }

  async #recheck(): Promise<void> {
    const { redis, keys } = this.#connections;
    for (const id of this.#activeJobs.claimedIds) {
      const status = await redis.hget(keys.job(id), 'status');
      if (!status || isTerminal(status as JobStatus)) this.#canceled(id);
    }
  }

  #canceled(id: string): void {
    const active = this.#activeJobs.ofJob(id);
    if (!active) return;
    active.abort('canceled');
    for (const listener of this.#cancelListeners) listener(id);
  }
}
