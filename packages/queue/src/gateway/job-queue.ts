import { FacequeueError } from '@facequeue/schema';
import type { AdmissionLimits, JobQueue, JobRecord, NewJob, Submitted } from '../contract.ts';
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
import { Announcements } from '../wait/announcements.ts';
import { limitArguments, refusalText } from './admission.ts';
import { remembered, snapshotFrom } from './snapshot.ts';

const SNAPSHOT_MS = 250;
/** A Redis that takes longer to answer PING counts as away. */
const PING_MS = 2000;

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
  readonly #scripts;
  readonly #transport;
  readonly #announcements;
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
    this.#announcements = new Announcements({
      main: main.redis,
      subscriber: subscriber.redis,
      prefix,
      read: (id) => this.#readOrGone(id),
      onError: options.onError,
    });
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

  async open(): Promise<void> {
    await this.#announcements.open();
    await this.firstStart();
  }

  onClose(release: () => Promise<void>): void {
    this.#release = release;
  }

  async submit(job: NewJob): Promise<Submitted> {
    // Not sent at all, so there is nothing to take back.
    if (this.#main.status !== 'ready') throw publicError(new Error('not connected'));
    try {
      const submitted = await this.#admit(job);
      if (!submitted.replayed) await this.#transport.add(job.id, job.queue);
      return submitted;
    } catch (error) {
      const failure = publicError(error);
      if (!(error instanceof Refusal)) {
        this.#toAbort.add(job.id);
        await this.#abortPending().catch(this.#options.onError);
      }
      throw failure;
    }
  }

  follow(id: string) {
    return this.#announcements.follow(id);
  }

  wait(id: string) {
    return this.#announcements.wait(id);
  }

  read(id: string): Promise<JobRecord | null> {
    return answered(async () => recordFrom(id, await this.#main.hgetallBuffer(`${this.#prefix}:job:${id}`)));
  }

  cancel(id: string): Promise<JobRecord | null> {
    return answered(async () => ((await this.#scripts('cancel', id)) === -1 ? null : this.read(id)));
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
    return answered(async () => void (await within(PING_MS, this.#main.ping())));
  }

  async close(): Promise<void> {
    this.#announcements.close();
    await this.#stopSweeping();
    await this.#release();
  }

  /** @throws gone when the job was erased */
  async #readOrGone(id: string): Promise<JobRecord | null> {
    const record = await this.read(id);
    if (record) return record;
    const erased = await answered(() => this.#main.exists(`${this.#prefix}:gone:${id}`));
    if (erased) throw new FacequeueError('gone', 'The job was deleted.', { jobId: id });
    return null;
  }

  async #admit(job: NewJob): Promise<Submitted> {
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
      job.idempotency?.key ?? '',
      job.idempotency?.fingerprint ?? '',
      job.webhookUrl ?? '',
      job.webhookUrl ? new URL(job.webhookUrl).host : '',
      job.source.kind === 'inline' ? job.source.bytes : '',
    )) as Reply;
    if (reply[0] === 'ok') return { id: job.id, createdAt: reply[1], expiresAt: reply[2], replayed: false };
    if (reply[0] === 'replayed') return { id: reply[1], createdAt: reply[2], expiresAt: reply[3], replayed: true };
    if (reply[0] === 'conflict')
      throw new Refusal('idempotency_conflict', 'The Idempotency-Key was used for another request.');
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
}

/** What submit.lua returns. */
type Reply =
  | ['ok', number, number]
  | ['replayed', string, number, number]
  | ['conflict']
  | ['full', string, number]
  | ['exists'];

/** A submission that was answered, not lost: nothing of it is in Redis. */
class Refusal extends FacequeueError {}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw publicError(error);
  }
}
