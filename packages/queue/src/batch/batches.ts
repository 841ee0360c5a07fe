import { FacequeueError } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import { CONSTANTS } from '../constants.ts';
import { optionsArg } from '../job/options-arg.ts';
import { flowField } from '../job/record.ts';
import { type AdmissionLimits, admissionError, type FullReply, limitsArg } from '../limits/admission.ts';
import { redisNow } from '../redis/clock.ts';
import type { Connections } from '../redis/connections.ts';
import { defineScript, flag, isOne, json, number, optional, text } from '../redis/define-script.ts';
import { mapRedisErrors, publicError } from '../redis/errors.ts';
import type { Keys } from '../redis/keys.ts';
import { readPage } from '../redis/stream-page.ts';
import { appendScript, itemArguments, MAX_APPEND } from './append.ts';
import type { AppendResult, BatchRecord, ItemResult, NewBatch, NewItem } from './batch.ts';
import { CANCEL_CHUNK, cancelRemaining } from './cancel-remaining.ts';
import { batchFrom, itemResultFrom } from './record.ts';

export const createScript = defineScript({
  file: new URL('./create.lua', import.meta.url),
  args: {
    id: text,
    owner: text,
    flow: optional(text),
    maxPending: optional(number),
    requestId: text,
    options: optionsArg,
    open: flag,
    listing: optional(json<NonNullable<NewBatch['listing']>>()),
    output: optional(json<NonNullable<NewBatch['output']>>()),
    webhookUrl: optional(text),
    webhookHost: optional(text),
    maxImageBytes: optional(number),
    ttlMs: number,
    maxOpen: number,
    limits: limitsArg,
  },
  reply: (reply: ['ok'] | FullReply | ['share'] | ['exists']) => reply,
});

/** False when there is no such batch. */
export const settleScript = defineScript({
  file: new URL('./settle.lua', import.meta.url),
  args: { id: text },
  reply: isOne,
});

/** False when the owner has no such batch. */
export const closeScript = defineScript({
  file: new URL('./close.lua', import.meta.url),
  args: { id: text, owner: text },
  reply: isOne,
});

export const stopScript = defineScript({
  file: new URL('./stop.lua', import.meta.url),
  args: { id: text, owner: text, erase: flag, tombstoneMs: number, max: number },
  reply: (reply: number) => ({ exists: reply !== -1, more: reply === 1 }),
});

/** Batches of items, from the gateway's side. An id that is unknown, erased or of another owner returns null, or throws `gone`. */
export class Batches {
  readonly #connections: Connections;
  readonly #limits: AdmissionLimits;
  readonly #ttlMs: number;
  readonly #maxOpen: number;
  readonly #tombstoneMs: number;

  constructor(
    connections: Connections,
    limits: AdmissionLimits,
    { batchTtlMs, resultTtlMs, maxOpen }: { batchTtlMs: number; resultTtlMs: number; maxOpen: number },
  ) {
    this.#connections = connections;
    this.#limits = limits;
    this.#ttlMs = batchTtlMs;
    this.#maxOpen = maxOpen;
    this.#tombstoneMs = resultTtlMs;
  }

  /**
   * Begins a batch. Its maker appends the first items, then calls `settle`, or `erase` when they could not all be appended.
   * A maker that is silent for a minute before it settles counts as dead, and the batch is erased.
   * @throws queue_full, quota_exceeded (with retryAfterMs)
   */
  create({
    id,
    owner,
    flow,
    maxPending,
    requestId,
    options,
    open,
    listing,
    output,
    webhookUrl,
    maxImageBytes,
  }: NewBatch): Promise<void> {
    return mapRedisErrors(async () => {
      const reply = await this.#connections.scripts.run(createScript, {
        id,
        owner,
        flow: flowField(flow, owner),
        maxPending,
        requestId,
        options,
        open,
        listing,
        output,
        webhookUrl,
        webhookHost: webhookUrl && new URL(webhookUrl).host,
        maxImageBytes,
        ttlMs: this.#ttlMs,
        maxOpen: this.#maxOpen,
        limits: this.#limits,
      });
      if (reply[0] === 'full') throw admissionError(reply);
      if (reply[0] === 'share') {
        const retryAfterMs = CONSTANTS.MAX_RETRY_MS;
        throw new FacequeueError('quota_exceeded', 'this caller has as many open batches as it may', { retryAfterMs });
      }
      if (reply[0] === 'exists') throw new FacequeueError('internal_error', 'a batch of this id exists already');
    });
  }

  /** The first items are in: the batch closes, unless it was created open or a worker still lists its items. @throws gone */
  settle(id: string): Promise<void> {
    return mapRedisErrors(async () => {
      if (!(await this.#connections.scripts.run(settleScript, { id }))) throw noSuchBatch();
    });
  }

  /**
   * Appends all the items or, when it throws, none. At most MAX_APPEND items and about 4 MB a call.
   * @param duplicates what becomes of an item whose name the batch has: `skip` for appends that may be repeats, `fail` (unnamed) for
   * first ones
   * @throws queue_full (with retryAfterMs), conflict when the batch is closed, gone
   */
  append(id: string, owner: string, items: NewItem[], duplicates: 'skip' | 'fail'): Promise<AppendResult> {
    if (items.length > MAX_APPEND) throw new RangeError(`an append has at most ${MAX_APPEND} items`);
    return mapRedisErrors(async () => {
      const { scripts, bullQueues, onError } = this.#connections;
      const reply = await scripts.run(appendScript, {
        id,
        owner,
        duplicates,
        limits: this.#limits,
        state: '',
        leaseMs: 0,
        items: itemArguments(items),
      });
      if (reply[0] === 'full') throw admissionError(reply);
      if (reply[0] === 'closed') throw new FacequeueError('conflict', 'the batch is closed');
      if (reply[0] !== 'ok') throw noSuchBatch();
      const [, accepted, skipped, failed, ...tokens] = reply;
      // The items are in. The sweep finds tokens that do not get to BullMQ now.
      await bullQueues.addAll(tokens, 'bulk').catch((error) => onError(publicError(error)));
      return { accepted, skipped, failed };
    });
  }

  /** Ends the appends. Closing a closed batch changes nothing. @throws gone */
  close(id: string, owner: string): Promise<BatchRecord> {
    return mapRedisErrors(async () => {
      const exists = await this.#connections.scripts.run(closeScript, { id, owner });
      const batch = exists ? await this.read(id, owner) : null;
      if (!batch) throw noSuchBatch();
      return batch;
    });
  }

  read(id: string, owner: string): Promise<BatchRecord | null> {
    const { redis, keys } = this.#connections;
    return mapRedisErrors(async () => {
      const batch = await readBatch(redis, keys, id);
      return batch?.owner === owner ? batch : null;
    });
  }

  /**
   * A page of results in the order in which items ended: fewer than `max` when they exceed about 1 MB.
   * @param after a cursor; '' from the beginning
   */
  results(id: string, after: string, max: number): Promise<ItemResult[]> {
    const { redis, keys } = this.#connections;
    return mapRedisErrors(async () => (await readPage(redis, keys.results(id), after, max)).map(itemResultFrom));
  }

  /** No further item starts from here on; the queued ones end `canceled` within seconds. Null when there is no such batch. */
  async cancel(id: string, owner: string): Promise<BatchRecord | null> {
    return (await this.#stop(id, owner, false)) ? this.read(id, owner) : null;
  }

  /** Cancels, and erases items and results. @returns whether there is, or was lately, such a batch */
  erase(id: string, owner: string): Promise<boolean> {
    return this.#stop(id, owner, true);
  }

  #stop(id: string, owner: string, erase: boolean): Promise<boolean> {
    return mapRedisErrors(async () => {
      const { scripts } = this.#connections;
      const tombstoneMs = this.#tombstoneMs;
      const { exists, more } = await scripts.run(stopScript, { id, owner, erase, tombstoneMs, max: CANCEL_CHUNK });
      if (more) await cancelRemaining(scripts, id);
      return exists;
    });
  }
}

const noSuchBatch = () => new FacequeueError('gone', 'the batch expired, was deleted or never existed');

/** The batch of an id, of any owner; null for none. */
export async function readBatch(redis: Redis, keys: Keys, id: string): Promise<BatchRecord | null> {
  const [fields, now] = await Promise.all([redis.hgetallBuffer(keys.batch(id)), redisNow(redis)]);
  return batchFrom(id, fields, now);
}
