import { randomUUID } from 'node:crypto';
import { isTerminal, type JobStatus, type QueueName } from '@facequeue/schema';
import type {
  ClaimedJob,
  Consumer,
  Delivery,
  DeliveryOutcome,
  JobHandler,
  Outcome,
  WorkerInfo,
  WorkQueue,
} from '../contract.ts';
import { Deliveries } from '../delivery/deliveries.ts';
import { WORKER_SILENCE_MS } from '../gateway/snapshot.ts';
import { claimedFrom } from '../record/record.ts';
import { type Connection, openConnection } from '../redis/connection.ts';
import { publicError } from '../redis/errors.ts';
import { checkedPrefix } from '../redis/prefix.ts';
import { quietly } from '../redis/quietly.ts';
import { scriptsOn } from '../redis/scripts.ts';
import { checkServer } from '../redis/server.ts';
import { within } from '../redis/within.ts';
import { everySecond, sweepOnce } from '../sweep/sweeper.ts';
import { openTransport } from '../transport/queues.ts';
import { startConsumer } from './consumer.ts';
import { Hands } from './hands.ts';

/** A Redis that takes longer to answer PING counts as away. */
const PING_MS = 2000;

export interface WorkQueueOptions {
  /** redis:// or rediss:// */
  url: string;
  /** Key prefix with braces, such as {fq}. */
  prefix: string;
  /** How often a job may be taken up before it is given up as failed. */
  maxAttempts: number;
  /** Told of background trouble (lost connections, a handler that threw); all of it heals by itself. */
  onError: (error: Error) => void;
}

/**
 * Opens the worker's side of the queue. While Redis is away its calls wait for it; only `ping` says so.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 */
export async function createWorkQueue(given: WorkQueueOptions): Promise<WorkQueue> {
  const options = { ...given, onError: quietly(given.onError) };
  const prefix = checkedPrefix(options.prefix);
  await using opened = new AsyncDisposableStack();
  const main = opened.use(await openConnection(options.url, 'worker', options.onError));
  const subscriber = opened.use(await openConnection(options.url, 'subscriber', options.onError));
  await checkServer(main.redis);
  const transport = await openTransport(main.redis, prefix, options.onError);
  opened.defer(() => transport.close());
  const queue = new RedisWorkQueue(options, prefix, main, subscriber, transport);
  await queue.open();
  const kept = opened.move();
  queue.onClose(() => kept.disposeAsync());
  return queue;
}

class RedisWorkQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #prefix: string;
  readonly #main: Connection['redis'];
  readonly #subscriber: Connection['redis'];
  readonly #scripts;
  readonly #hands = new Hands();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #deliveries;
  readonly #consumers = new Set<Consumer>();
  readonly #workerIds = new Set<string>();
  readonly #stopSweeping;
  readonly #name = randomUUID();
  #claims = 0;
  #release: () => Promise<void> = async () => {};

  constructor(
    options: WorkQueueOptions,
    prefix: string,
    main: Connection,
    subscriber: Connection,
    transport: Awaited<ReturnType<typeof openTransport>>,
  ) {
    this.#options = options;
    this.#prefix = prefix;
    this.#main = main.redis;
    this.#subscriber = subscriber.redis;
    this.#scripts = scriptsOn(main.redis, prefix);
    this.#deliveries = new Deliveries(main.redis, this.#scripts, prefix);
    this.#stopSweeping = everySecond(async () => {
      if (this.#main.status !== 'ready') return;
      await sweepOnce(this.#scripts, transport);
      await this.#deliveries.look();
    }, options.onError);
  }

  async open(): Promise<void> {
    this.#subscriber.on('message', (channel: string, id: string) => {
      if (channel === `${this.#prefix}:cancel`) this.#canceled(id);
      else this.#deliveries.tell();
    });
    await this.#subscribe();
    // A job canceled while the connection was away was announced to nobody.
    this.#subscriber.on('ready', () => {
      this.#subscribe()
        .then(() => this.#recheck())
        .catch(this.#options.onError);
    });
  }

  onClose(release: () => Promise<void>): void {
    this.#release = release;
  }

  async consume(queue: QueueName, options: { concurrency: number }, handler: JobHandler): Promise<Consumer> {
    const context = {
      redis: this.#main,
      prefix: this.#prefix,
      hands: this.#hands,
      release: (id: string, attempt: number, delayMs: number) => this.release(id, attempt, delayMs),
      onError: this.#options.onError,
    };
    const consumer = await startConsumer(context, queue, options.concurrency, handler);
    this.#consumers.add(consumer);
    return consumer;
  }

  async claim(id: string, workerId: string): Promise<ClaimedJob | null> {
    const name = `${workerId}:${this.#name}:${this.#claims++}`;
    const reply = await this.#scripts('claim', id, name, this.#options.maxAttempts);
    if (!reply) return null;
    const claimed = claimedFrom(id, reply);
    const hand = this.#hands.get(id);
    if (hand) hand.attempt = claimed.attempt;
    return claimed;
  }

  blob(id: string): Promise<Buffer | null> {
    return this.#main.getBuffer(`${this.#prefix}:blob:${id}`);
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

  async release(id: string, attempt: number, delayMs: number): Promise<boolean> {
    if ((await this.#scripts('release', id, attempt, delayMs)) !== 1) return false;
    const hand = this.#hands.get(id);
    if (hand?.attempt === attempt) hand.againAfterMs = delayMs;
    return true;
  }

  onCancel(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  takeDeliveries(max: number, perHost: number, leaseMs: number): Promise<Delivery[]> {
    return this.#deliveries.take(max, perHost, leaseMs);
  }

  reportDelivery(delivery: Delivery, outcome: DeliveryOutcome): Promise<boolean> {
    return this.#deliveries.report(delivery, outcome);
  }

  onDelivery(listener: () => void): () => void {
    return this.#deliveries.onDue(listener);
  }

  async heartbeat(info: WorkerInfo): Promise<void> {
    this.#workerIds.add(info.id);
    // What would be sent once Redis is back is old by then.
    if (this.#main.status !== 'ready') return;
    await this.#scripts('heartbeat', info.id, JSON.stringify(info), WORKER_SILENCE_MS);
  }

  async ping(): Promise<void> {
    if (this.#main.status !== 'ready') throw publicError(new Error('not connected'));
    await within(PING_MS, this.#main.ping());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#stopSweeping();
    if (this.#main.status === 'ready' && this.#workerIds.size) {
      await this.#main.hdel(`${this.#prefix}:workers`, ...this.#workerIds);
    }
    await this.#release();
  }

  async #subscribe(): Promise<void> {
    await this.#subscriber.subscribe(`${this.#prefix}:cancel`, `${this.#prefix}:delivery`);
  }

  async #recheck(): Promise<void> {
    for (const id of this.#hands.ids) {
      const status = await this.#main.hget(`${this.#prefix}:job:${id}`, 'status');
      if (!status || isTerminal(status as JobStatus)) this.#canceled(id);
    }
  }

  #canceled(id: string): void {
    const hand = this.#hands.get(id);
    if (!hand) return;
    hand.drop('canceled');
    for (const listener of this.#listeners) listener(id);
  }
}
