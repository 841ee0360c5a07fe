/** What a gateway hears of jobs on its shared subscriber connection, and how it makes up for what it did not hear. */
import { isTerminal, type JobStatus } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import type { JobRecord } from '../job/job.ts';
import type { CompletionWait } from './completion-waits.ts';
import type { Subscription } from './subscriptions.ts';
import { Waiter } from './completion-waits.ts';
import { Follower } from './subscriptions.ts';

/** Records looked at in one pipeline after a reconnect. */
const RECHECK_BATCH = 500;

interface Context {
  /** The connection records are read on. */
  main: Redis;
  subscriber: Redis;
  prefix: string;
  /** As Waiter takes it. */
  read: (id: string) => Promise<JobRecord | null>;
  onError: (error: Error) => void;
}

export class Announcements {
  readonly #context: Context;
  readonly #waiter: Waiter;
  readonly #follower = new Follower((on) => this.#followChanges(on));
  readonly #ended: string;
  readonly #changed: string;

  constructor(context: Context) {
    this.#context = context;
    this.#waiter = new Waiter(context.read);
    this.#ended = `${context.prefix}:ended`;
    this.#changed = `${context.prefix}:changed`;
  }

  /** Subscribes: from here on no end is missed. */
  async open(): Promise<void> {
    const { main, subscriber } = this.#context;
    subscriber.on('message', (channel: string, message: string) => {
      const [id = ''] = message.split(' ', 1);
      if (channel === this.#ended) this.#waiter.tell(id);
      this.#follower.tell(id);
    });
    await subscriber.subscribe(this.#ended);
    // What was announced while a connection was away was announced to nobody, or could not be read.
    subscriber.on('ready', () => this.#quietly(() => this.#catchUp()));
    main.on('ready', () => this.#quietly(() => this.#recheck()));
  }

  get listeners(): { waits: number; subscriptions: number } {
    return { waits: this.#waiter.size, subscriptions: this.#follower.size };
  }

  wait(id: string): CompletionWait {
    return this.#waiter.wait(id);
  }

  subscribe(id: string): Subscription {
    return this.#follower.subscribe(id);
  }

  /** Ends every wait with null. */
  close(): void {
    this.#waiter.close();
    this.#follower.close();
  }

  /** Commands of one connection take effect in order, so the last of several in a row counts. */
  #followChanges(on: boolean): void {
    const { subscriber } = this.#context;
    this.#quietly(async () => {
      if (!on) return void (await subscriber.unsubscribe(this.#changed));
      await subscriber.subscribe(this.#changed);
      // What changed before the subscription was in force has been heard by nobody.
      this.#follower.tellAll();
    });
  }

  async #catchUp(): Promise<void> {
    await this.#context.subscriber.subscribe(this.#ended);
    if (!this.#follower.idle) this.#followChanges(true);
    await this.#recheck();
  }

  async #recheck(): Promise<void> {
    const ids = this.#waiter.ids;
    for (let from = 0; from < ids.length; from += RECHECK_BATCH) {
      const batch = ids.slice(from, from + RECHECK_BATCH);
      const pipeline = this.#context.main.pipeline();
      for (const id of batch) pipeline.hget(`${this.#context.prefix}:job:${id}`, 'status');
      const statuses = (await pipeline.exec()) ?? [];
      batch.forEach((id, i) => {
        const [error, status] = statuses[i] ?? [];
        // Without a record it has been erased, or is not submitted yet: whoever waits finds out.
        if (!error && (!status || isTerminal(status as JobStatus))) this.#waiter.tell(id);
      });
    }
  }

  /** Should it fail, the connection is away again, and its return comes here again. */
  #quietly(work: () => Promise<void>): void {
    work().catch(this.#context.onError);
  }
}
