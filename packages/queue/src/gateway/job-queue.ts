import { FacequeueError } from '@facequeue/schema';
import type { AdmissionLimits, JobQueue, JobRecord, NewJob, Submitted } from '../contract.ts';
import { recordFrom } from '../record/record.ts';
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
import { limitArguments } from './admission.ts';
import { remembered, snapshotFrom } from './snapshot.ts';
import { Submissions } from './submissions.ts';

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
  readonly #submissions;
  readonly #announcements;
  readonly snapshot;
  readonly #stopSweeping;
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
    const limits = limitArguments(options.limits);
    this.#submissions = new Submissions(
      { redis: main.redis, scripts: this.#scripts, transport, onError: options.onError },
      limits,
      options.resultTtlMs,
    );
    this.snapshot = remembered(SNAPSHOT_MS, () =>
      answered(async () => snapshotFrom(await this.#scripts('snapshot', ...limits))),
    );
    this.#stopSweeping = everySecond(async () => {
      if (this.#main.status !== 'ready') return;
      await this.#submissions.takeBackFailed();
      await sweepOnce(this.#scripts, transport);
    }, options.onError);
  }

  async open(): Promise<void> {
    await this.#announcements.open();
    await this.firstStart();
  }

  onClose(release: () => Promise<void>): void {
    this.#release = release;
  }

  submit(job: NewJob): Promise<Submitted> {
    return this.#submissions.submit(job);
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
}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw publicError(error);
  }
}
