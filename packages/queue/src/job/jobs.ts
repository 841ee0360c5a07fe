import { FacequeueError } from '@facequeue/schema';
import type { Connections } from '../redis/connections.ts';
import { defineScript, flag, isOne, number, text } from '../redis/define-script.ts';
import { mapRedisErrors } from '../redis/errors.ts';
import { SharedReads } from '../redis/shared-reads.ts';
import { STORED_TEXTS } from '../texts.ts';
import type { JobRecord } from './job.ts';
import { recordFrom } from './record.ts';

export const cancelScript = defineScript({
  file: new URL('./cancel.lua', import.meta.url),
  args: { id: text, onlyQueued: flag },
  reply: (reply: number) => ({ exists: reply !== -1, ended: reply === 1 }),
});

/** Whether there is, or was lately, such a job of this owner. */
export const eraseScript = defineScript({
  file: new URL('./erase.lua', import.meta.url),
  args: { id: text, owner: text, tombstoneMs: number },
  reply: isOne,
});

export const firstStartScript = defineScript({
  file: new URL('./first-start.lua', import.meta.url),
  args: {},
  reply: (reply: number) => reply,
});

/** Submitted jobs, from the gateway's side. The methods are described in GatewayQueue. */
export class Jobs {
  readonly #connections: Connections;
  readonly #tombstoneMs: number;
  readonly #reads = new SharedReads<JobRecord | null>();
  #firstStart: Promise<number> | null = null;

  constructor(connections: Connections, tombstoneMs: number) {
    this.#connections = connections;
    this.#tombstoneMs = tombstoneMs;
  }

  read(id: string): Promise<JobRecord | null> {
    const { redis, keys } = this.#connections;
    return this.#reads.read(id, () =>
      mapRedisErrors(async () => recordFrom(id, await redis.hgetallBuffer(keys.job(id)))),
    );
  }

  /** @throws gone when the job was erased */
  async readUnlessErased(id: string): Promise<JobRecord | null> {
    const record = await this.read(id);
    if (record) return record;
    const { redis, keys } = this.#connections;
    const erased = await mapRedisErrors(() => redis.exists(keys.tombstone(id)));
    if (erased) throw new FacequeueError('gone', STORED_TEXTS.JOB_ERASED_TEXT, { jobId: id });
    return null;
  }

  cancel(id: string, onlyQueued: boolean): Promise<JobRecord | null> {
    return mapRedisErrors(async () => {
      const { exists } = await this.#connections.scripts.run(cancelScript, { id, onlyQueued });
      return exists ? this.read(id) : null;
    });
  }

  erase(id: string, owner: string): Promise<boolean> {
    const { scripts } = this.#connections;
    return mapRedisErrors(() => scripts.run(eraseScript, { id, owner, tombstoneMs: this.#tombstoneMs }));
  }

  firstStart(): Promise<number> {
    this.#firstStart ??= mapRedisErrors(() => this.#connections.scripts.run(firstStartScript, {}));
    return this.#firstStart;
  }
}
