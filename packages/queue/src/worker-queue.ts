import { randomUUID } from 'node:crypto';
import { isTerminal, type JobStatus, type QueueName } from '@facequeue/schema';
import { RedisBatchTasks } from './batch/tasks.ts';
import { startConsumer } from './bullmq/consumer.ts';
import type { Consumer, JobHandler } from './bullmq/consumer.ts';
import type { ClaimedJob, Outcome } from './job/job.ts';
import type { AdmissionLimits } from './limits/admission.ts';
import type { WorkerInfo } from './limits/snapshot.ts';
import type { WebhookDelivery, WebhookOutcome } from './webhook/webhook.ts';
import { Hands } from './job/active-jobs.ts';
import { claimFrom } from './job/record.ts';
import { limitArguments } from './limits/admission.ts';
import { WORKER_SILENCE_MS } from './limits/snapshot.ts';
import { PING_WITHIN_MS } from './redis/connection.ts';
import { type Foundation, type FoundationOptions, openFoundation } from './redis/connections.ts';
import { publicError } from './redis/errors.ts';
import { scriptsOn } from './redis/scripts.ts';
import { within } from './redis/within.ts';
import { everySecond, sweepOnce } from './sweep/sweeper.ts';
import { Deliveries } from './webhook/webhooks.ts';

export interface WorkerQueueOptions extends FoundationOptions {
  /** How often a job may be taken up before it is given up as failed. */
  maxAttempts: number;
  /** What items a listing may append, as the gateways have it. */
  limits: AdmissionLimits;
}

/**
 * Opens the worker's side of the queue. While Redis is away its calls wait for it; only `ping` says so.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 */
export async function openWorkerQueue(options: WorkerQueueOptions): Promise<WorkerQueue> {
  const queue = new RedisWorkerQueue(options, await openFoundation(options, 'worker'));
  try {
    await queue.open();
  } catch (error) {
    await queue.close();
    throw error;
  }
  return queue;
}

class RedisWorkerQueue implements WorkerQueue {
  readonly tasks;
  readonly #options: WorkerQueueOptions;
  readonly #foundation: Foundation;
  readonly #scripts;
  readonly #hands = new Hands();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #deliveries;
  readonly #consumers = new Set<Consumer>();
  readonly #workerIds = new Set<string>();
  readonly #stopSweeping;
  readonly #name = randomUUID();
  #claims = 0;

  constructor(options: WorkerQueueOptions, foundation: Foundation) {
    const { redis, prefix, transport, onError } = foundation;
    this.#options = options;
    this.#foundation = foundation;
    this.#scripts = scriptsOn(redis, prefix);
    this.#deliveries = new Deliveries(redis, this.#scripts, prefix);
    this.tasks = new RedisBatchTasks(
      { redis, prefix, scripts: this.#scripts, transport },
      limitArguments(options.limits),
    );
    this.#stopSweeping = everySecond(async () => {
      if (redis.status !== 'ready') return;
      await sweepOnce(this.#scripts, transport);
      await this.#deliveries.look();
      await this.tasks.look();
    }, onError);
  }

  async open(): Promise<void> {
    const { subscriber, prefix, onError } = this.#foundation;
    subscriber.on('message', (channel: string, id: string) => {
      if (channel === `${prefix}:cancel`) this.#canceled(id);
      else if (channel === `${prefix}:task`) this.tasks.tell();
      else this.#deliveries.tell();
    });
    await this.#subscribe();
    // A job canceled while the connection was away was announced to nobody.
    subscriber.on('ready', () => {
      this.#subscribe()
        .then(() => this.#recheck())
        .catch(onError);
    });
  }

  async consume(queue: QueueName, options: { concurrency: number }, handler: JobHandler): Promise<Consumer> {
    const context = {
      redis: this.#foundation.redis,
      prefix: this.#foundation.prefix,
      hands: this.#hands,
      release: (id: string, attempt: number, delayMs: number) => this.release(id, attempt, delayMs),
      onError: this.#foundation.onError,
    };
    const consumer = await startConsumer(context, queue, options.concurrency, handler);
    this.#consumers.add(consumer);
    return consumer;
  }

  async claim(ticket: string, workerId: string): Promise<ClaimedJob | null> {
    const name = `${workerId}:${this.#name}:${this.#claims++}`;
    const { job, queue, turns } = claimFrom(await this.#scripts('claim', ticket, name, this.#options.maxAttempts));
    if (job) this.#hands.claimed(ticket, job);
    // Turns that do not get there are found by the sweep.
    if (turns.length) await this.#foundation.transport.addTurns(turns, queue);
    return job;
  }

  blob(id: string): Promise<Buffer | null> {
    return this.#foundation.redis.getBuffer(`${this.#foundation.prefix}:blob:${id}`);
  }

  async start(id: string, attempt: number): Promise<boolean> {
    return (await this.#scripts('start', id, attempt)) === 1;
  }

  async finish(id: string, attempt: number, outcome: Outcome): Promise<boolean> {
    const failed = outcome.status === 'failed';
    const reply = await this.#scripts(
      'finish',
      id,
      attempt,
      outcome.status,
      failed ? outcome.error.code : '',
      failed ? outcome.error.detail : '',
      outcome.image ? JSON.stringify(outcome.image) : '',
      JSON.stringify(outcome.timings ?? {}),
      failed ? '' : outcome.result,
    );
    return reply === 1;
  }

  async release(id: string, attempt: number, delayMs: number, forgiven = false): Promise<boolean> {
    if ((await this.#scripts('release', id, attempt, delayMs, forgiven ? 1 : 0)) !== 1) return false;
    const hand = this.#hands.ofJob(id);
    if (hand?.attempt === attempt) hand.againAfterMs = delayMs;
    return true;
  }

  onCancel(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  leaseWebhooks(max: number, perHost: number, leaseMs: number): Promise<WebhookDelivery[]> {
    return this.#deliveries.take(max, perHost, leaseMs);
  }

  reportWebhook(delivery: WebhookDelivery, outcome: WebhookOutcome): Promise<boolean> {
    return this.#deliveries.report(delivery, outcome);
  }

  onWebhookDue(listener: () => void): () => void {
    return this.#deliveries.onDue(listener);
  }

  async heartbeat(info: WorkerInfo): Promise<void> {
    this.#workerIds.add(info.id);
    // What would be sent once Redis is back is old by then.
    if (this.#foundation.redis.status !== 'ready') return;
    await this.#scripts('heartbeat', info.id, JSON.stringify(info), WORKER_SILENCE_MS);
  }

  async ping(): Promise<void> {
    const { redis } = this.#foundation;
    if (redis.status !== 'ready') throw publicError(new Error('not connected'));
    await within(PING_WITHIN_MS, redis.ping());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#stopSweeping();
    const { redis, prefix } = this.#foundation;
    if (redis.status === 'ready' && this.#workerIds.size) await redis.hdel(`${prefix}:workers`, ...this.#workerIds);
    await this.#foundation[Symbol.asyncDispose]();
  }

  async #subscribe(): Promise<void> {
    const { subscriber, prefix } = this.#foundation;
    await subscriber.subscribe(`${prefix}:cancel`, `${prefix}:delivery`, `${prefix}:task`);
  }

  async #recheck(): Promise<void> {
    const { redis, prefix } = this.#foundation;
    for (const id of this.#hands.claimedIds) {
      const status = await redis.hget(`${prefix}:job:${id}`, 'status');
      if (!status || isTerminal(status as JobStatus)) this.#canceled(id);
    }
  }

  #canceled(id: string): void {
    const hand = this.#hands.ofJob(id);
    if (!hand) return;
    hand.drop('canceled');
    for (const listener of this.#listeners) listener(id);
  }
}
