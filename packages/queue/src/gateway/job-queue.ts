import { FacequeueError, isTerminal, type JobStatus } from '@facequeue/schema';
import type { AdmissionLimits, JobQueue, JobRecord, NewJob } from '../contract.ts';
import { INLINE, recordFrom } from '../record/record.ts';
import { type Connection, openConnection } from '../redis/connection.ts';
import { publicError } from '../redis/errors.ts';
import { checkedPrefix } from '../redis/prefix.ts';
import { quietly } from '../redis/quietly.ts';
import { scriptsOn } from '../redis/scripts.ts';
import { checkServer } from '../redis/server.ts';
import { within } from '../redis/within.ts';
import { everySecond, sweepOnce } from '../sweep/sweeper.ts';
import { openTransport } from '../transport/queues.ts';
import { Waiter } from '../wait/waiter.ts';
import { limitArguments, refusalText } from './admission.ts';
import { remembered, snapshotFrom } from './snapshot.ts';

const SNAPSHOT_MS = 250;
/** A Redis that takes longer to answer PING counts as away. */
const PING_MS = 2000;
/** Records looked at in one pipeline after a reconnect. */
const RECHECK_BATCH = 500;

export interface JobQueueOptions {
  /** redis:// or rediss:// */
  url: string;
  /** Key prefix with braces, such as {fq}. */
  prefix: string;
  limits: AdmissionLimits;
  /** How long the record of an ended job is kept. */
  resultTtlMs: number;
  /** Told of background trouble (lost connections, a sweep that failed); all of it heals by itself. */
  onError: (error: Error) => void;
}

/**
 * Opens the gateway's side of the queue.
 * @throws unavailable when Redis does not answer within 10 s, ConfigError for a bad prefix or an unsuitable Redis
 */
export async function createJobQueue(given: JobQueueOptions): Promise<JobQueue> {
  const options = { ...given, onError: quietly(given.onError) };
  const prefix = checkedPrefix(options.prefix);
  await using opened = new AsyncDisposableStack();
  const main = opened.use(await openConnection(options.url, 'gateway', options.onError));
  const subscriber = opened.use(await openConnection(options.url, 'subscriber', options.onError));
  await checkServer(main.redis);
  const transport = await openTransport(main.redis, prefix, options.onError);
  opened.defer(() => transport.close());
  const queue = new RedisJobQueue(options, prefix, main, subscriber, transport);
  await queue.open();
  const kept = opened.move();
  queue.onClose(() => kept.disposeAsync());
  return queue;
}

class RedisJobQueue implements JobQueue {
  readonly #options: JobQueueOptions;
  readonly #prefix: string;
  readonly #main: Connection['redis'];
  readonly #subscriber: Connection['redis'];
  readonly #scripts;
  readonly #transport;
  readonly #waiter = new Waiter((id) => this.read(id));
  readonly #limits: readonly number[];
  readonly snapshot;
  readonly #stopSweeping;
  /** Submissions that failed while Redis was away: whatever of them got through is taken back as soon as it returns. */
  readonly #toAbort = new Set<string>();
  #firstStart: Promise<number> | null = null;
  #release: () => Promise<void> = async () => {};

  constructor(
    options: JobQueueOptions,
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
    this.#transport = transport;
    this.#limits = limitArguments(options.limits);
    this.snapshot = remembered(SNAPSHOT_MS, () =>
      answered(async () => snapshotFrom(await this.#scripts('snapshot', ...this.#limits))),
    );
    this.#stopSweeping = everySecond(async () => {
      if (this.#main.status !== 'ready') return;
      await this.#abortPending();
      await sweepOnce(this.#scripts, this.#transport);
    }, options.onError);
  }

  /** Subscribes: from here on no end is missed. */
  async open(): Promise<void> {
    this.#subscriber.on('message', (_channel: string, message: string) => {
      this.#waiter.tell(message.slice(0, message.indexOf(' ')));
    });
    await this.#subscribe();
    // What ended while a connection was away was announced to nobody, or could not be read.
    this.#subscriber.on('ready', () => this.#recheck(() => this.#subscribe()));
    this.#main.on('ready', () => this.#recheck());
    await this.firstStart();
  }

  onClose(release: () => Promise<void>): void {
    this.#release = release;
  }

  async submit(job: NewJob): Promise<{ createdAt: number; expiresAt: number }> {
    // Not sent at all, so there is nothing to take back.
    if (this.#main.status !== 'ready') throw publicError(new Error('not connected'));
    try {
      const admitted = await this.#admit(job);
      await this.#transport.add(job.id, job.queue);
      return admitted;
    } catch (error) {
      const failure = publicError(error);
      if (!(error instanceof Refusal)) {
        this.#toAbort.add(job.id);
        await this.#abortPending().catch(this.#options.onError);
      }
      throw failure;
    }
  }

  wait(id: string) {
    return this.#waiter.wait(id);
  }

  read(id: string): Promise<JobRecord | null> {
    return answered(async () => recordFrom(id, await this.#main.hgetallBuffer(`${this.#prefix}:job:${id}`)));
  }

  cancel(id: string): Promise<JobRecord | null> {
    return answered(async () => ((await this.#scripts('cancel', id)) === -1 ? null : this.read(id)));
  }

  firstStart(): Promise<number> {
    this.#firstStart ??= answered(async () => (await this.#scripts('first-start')) as number).catch((error) => {
      this.#firstStart = null;
      throw error;
    });
    return this.#firstStart;
  }

  ping(): Promise<void> {
    return answered(async () => void (await within(PING_MS, this.#main.ping())));
  }

  async close(): Promise<void> {
    this.#waiter.close();
    await this.#stopSweeping();
    await this.#release();
  }

  async #admit(job: NewJob) {
    const reply = (await this.#scripts(
      'submit',
      job.id,
      job.queue,
      job.startWithinMs,
      job.waitMs ?? '',
      this.#options.resultTtlMs,
      ...this.#limits,
      job.source.kind === 'inline' ? INLINE : job.source.url,
      JSON.stringify(job.options),
      job.requestId,
      job.owner,
      job.source.kind === 'inline' ? job.source.bytes : '',
    )) as ['ok', number, number] | ['full', string, number] | ['exists'];
    if (reply[0] === 'ok') return { createdAt: reply[1], expiresAt: reply[2] };
    if (reply[0] === 'full') throw new Refusal('queue_full', refusalText(reply[1]), { retryAfterMs: reply[2] });
    throw new Refusal('internal_error', 'A job of this id exists already.');
  }

  async #abortPending(): Promise<void> {
    if (this.#main.status !== 'ready') return;
    for (const id of this.#toAbort) {
      await this.#scripts('abort', id);
      this.#toAbort.delete(id);
    }
  }

  async #subscribe(): Promise<void> {
    await this.#subscriber.subscribe(`${this.#prefix}:ended`);
  }

  #recheck(first?: () => Promise<void>): void {
    const look = async () => {
      await first?.();
      const ids = this.#waiter.ids;
      for (let from = 0; from < ids.length; from += RECHECK_BATCH) {
        const batch = ids.slice(from, from + RECHECK_BATCH);
        const pipeline = this.#main.pipeline();
        for (const id of batch) pipeline.hget(`${this.#prefix}:job:${id}`, 'status');
        const statuses = (await pipeline.exec()) ?? [];
        batch.forEach((id, i) => {
          const status = statuses[i]?.[1];
          if (typeof status === 'string' && isTerminal(status as JobStatus)) this.#waiter.tell(id);
        });
      }
    };
    // Should it fail, the connection is away again, and its return looks again.
    look().catch(this.#options.onError);
  }
}

/** A submission that was answered, not lost: nothing of it is in Redis. */
class Refusal extends FacequeueError {}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw publicError(error);
  }
}
