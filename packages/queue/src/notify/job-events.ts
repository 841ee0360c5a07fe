import { isTerminal, type JobStatus } from '@facequeue/schema';
import type { JobRecord } from '../job/job.ts';
import type { Connections } from '../redis/connections.ts';
import { type CompletionWait, CompletionWaits } from './completion-waits.ts';
import { type Subscription, Subscriptions } from './subscriptions.ts';

/** Records read in one pipeline after a reconnect. */
const RECHECK_CHUNK = 500;

/** Dispatches Redis' messages to the waits and subscriptions of a gateway, and makes up for messages it missed. */
export class JobEvents {
  readonly #connections: Connections;
  readonly #waits: CompletionWaits;
  readonly #subscriptions = new Subscriptions((active) => this.#listenToChanges(active));

  /** @param read as CompletionWaits takes it */
  constructor(connections: Connections, read: (id: string) => Promise<JobRecord | null>) {
    this.#connections = connections;
    this.#waits = new CompletionWaits(read);
  }

  /** Subscribes: from here on no end is missed. */
  async open(): Promise<void> {
    const { redis, subscriber, keys } = this.#connections;
    const { ended } = keys.channels;
    subscriber.on('message', (channel: string, message: string) => {
      const [id = ''] = message.split(' ', 1);
      if (channel === ended) this.#waits.notify(id);
      this.#subscriptions.notify(id);
    });
    await subscriber.subscribe(ended);
    // Messages sent while a connection was down reached nobody, or what they reported could not be read.
    subscriber.on('ready', () => this.#run(() => this.#catchUp()));
    redis.on('ready', () => this.#run(() => this.#recheck()));
  }

  /** Waits and subscriptions that have not been disposed. */
  get listeners(): { waits: number; subscriptions: number } {
    return { waits: this.#waits.size, subscriptions: this.#subscriptions.size };
  }

  wait(id: string): CompletionWait {
    return this.#waits.wait(id);
  }

  subscribe(id: string): Subscription {
    return this.#subscriptions.subscribe(id);
  }

  /** Ends every wait with null. */
  close(): void {
    this.#waits.close();
    this.#subscriptions.close();
  }

  /** Commands of one connection take effect in order, so the last of several in a row counts. */
  #listenToChanges(active: boolean): void {
    const { subscriber, keys } = this.#connections;
    const { changed } = keys.channels;
    this.#run(async () => {
      if (!active) return void (await subscriber.unsubscribe(changed));
      await subscriber.subscribe(changed);
      // Changes before this subscription was in force have reached nobody.
      this.#subscriptions.notifyAll();
    });
  }

  async #catchUp(): Promise<void> {
    const { subscriber, keys } = this.#connections;
    await subscriber.subscribe(keys.channels.ended);
    if (!this.#subscriptions.empty) this.#listenToChanges(true);
    await this.#recheck();
  }

  async #recheck(): Promise<void> {
    const { redis, keys } = this.#connections;
    const ids = this.#waits.ids;
    for (let from = 0; from < ids.length; from += RECHECK_CHUNK) {
      const chunk = ids.slice(from, from + RECHECK_CHUNK);
      const pipeline = redis.pipeline();
      for (const id of chunk) pipeline.hget(keys.job(id), 'status');
      const statuses = (await pipeline.exec()) ?? [];
      chunk.forEach((id, i) => {
        const status = statuses[i]?.[1];
        // A job without a record was erased, or is not submitted yet, and one may have failed to be read: its wait finds out.
        if (!status || isTerminal(status as JobStatus)) this.#waits.notify(id);
      });
    }
  }

  /** If `work` fails, the connection is down again, and its return starts the same work. */
  #run(work: () => Promise<void>): void {
    work().catch(this.#connections.onError);
  }
}
