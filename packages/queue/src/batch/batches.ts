import { FacequeueError } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import type { Transport } from '../bullmq/bull-queues.ts';
import type { AppendResult, BatchRecord, ItemResult, NewBatch, NewItem } from './batch.ts';
import { type AdmissionReason, refusalText } from '../limits/admission.ts';
import { answered, publicError } from '../redis/errors.ts';
import type { Scripts } from '../redis/scripts.ts';
import { readPage } from '../redis/stream-page.ts';
import { type AppendReply, appendArguments, MAX_APPEND } from './append.ts';
import { DRAIN_CHUNK, drain } from './cancel-remaining.ts';
import { batchFrom, itemResultFrom } from './record.ts';

interface Context {
  redis: Redis;
  prefix: string;
  scripts: Scripts;
  transport: Transport;
  onError: (error: Error) => void;
}

/** Batches from the gateway's side, in Redis. */
export class RedisBatches implements Batches {
  readonly #context: Context;
  readonly #limits: readonly number[];
  readonly #ttlMs: number;
  readonly #tombstoneMs: number;

  /** @param limits as scripts take them */
  constructor(
    context: Context,
    limits: readonly number[],
    { batchTtlMs, resultTtlMs }: { batchTtlMs: number; resultTtlMs: number },
  ) {
    this.#context = context;
    this.#limits = limits;
    this.#ttlMs = batchTtlMs;
    this.#tombstoneMs = resultTtlMs;
  }

  create(batch: NewBatch): Promise<void> {
    return answered(async () => {
      const [answer, reason, retryAfterMs] = (await this.#context.scripts(
        'create-batch',
        batch.id,
        batch.owner,
        batch.requestId,
        JSON.stringify(batch.options),
        batch.open ? 1 : 0,
        batch.listing ? JSON.stringify(batch.listing) : '',
        batch.output ? JSON.stringify(batch.output) : '',
        batch.webhookUrl ?? '',
        batch.webhookUrl ? new URL(batch.webhookUrl).host : '',
        this.#ttlMs,
        ...this.#limits,
      )) as ['ok'] | ['exists'] | ['full', AdmissionReason, number];
      if (answer === 'full')
        throw new FacequeueError('queue_full', refusalText(reason!), { retryAfterMs: retryAfterMs!, reason: reason! });
      if (answer === 'exists') throw new FacequeueError('internal_error', 'A batch of this id exists already.');
    });
  }

  settle(id: string): Promise<void> {
    return answered(async () => {
      if ((await this.#context.scripts('settle-batch', id)) !== 1) throw gone();
    });
  }

  append(id: string, owner: string, items: NewItem[], twice: 'skip' | 'fail'): Promise<AppendResult> {
    if (items.length > MAX_APPEND) throw new RangeError(`an append has at most ${MAX_APPEND} items`);
    return answered(async () => {
      const { scripts, transport } = this.#context;
      const reply = (await scripts(
        'append-batch',
        id,
        owner,
        twice,
        ...this.#limits,
        '',
        '',
        0,
        ...appendArguments(items),
      )) as AppendReply;
      if (reply[0] === 'full')
        throw new FacequeueError('queue_full', refusalText(reply[1]), { retryAfterMs: reply[2], reason: reply[1] });
      if (reply[0] === 'closed') throw new FacequeueError('conflict', 'the batch is closed');
      if (reply[0] !== 'ok') throw gone();
      const [, accepted, skipped, failed, ...turns] = reply;
      // They are in: turns that do not get to BullMQ now are found by the sweep.
      if (turns.length)
        await transport.addTurns(turns, 'bulk').catch((error) => this.#context.onError(publicError(error)));
      return { accepted, skipped, failed };
    });
  }

  close(id: string, owner: string): Promise<BatchRecord> {
    return answered(async () => {
      const closed = (await this.#context.scripts('close-batch', id, owner)) === 1;
      const batch = closed ? await this.read(id, owner) : null;
      if (!batch) throw gone();
      return batch;
    });
  }

  read(id: string, owner: string): Promise<BatchRecord | null> {
    return answered(async () => {
      const batch = await readBatch(this.#context.redis, this.#context.prefix, id);
      return batch?.owner === owner ? batch : null;
    });
  }

  results(id: string, after: string, max: number): Promise<ItemResult[]> {
    const { redis, prefix } = this.#context;
    return answered(async () => (await readPage(redis, `${prefix}:results:${id}`, after, max)).map(itemResultFrom));
  }

  async cancel(id: string, owner: string): Promise<BatchRecord | null> {
    const stopped = await this.#stop(id, owner, 'cancel');
    return stopped ? this.read(id, owner) : null;
  }

  erase(id: string, owner: string): Promise<boolean> {
    return this.#stop(id, owner, 'erase');
  }

  /** @returns whether there is such a batch */
  #stop(id: string, owner: string, how: 'cancel' | 'erase'): Promise<boolean> {
    return answered(async () => {
      const { scripts } = this.#context;
      const more = await scripts('stop-batch', id, owner, how, this.#tombstoneMs, DRAIN_CHUNK);
      if (more === 1) await drain(scripts, id);
      return more !== -1;
    });
  }
}

const gone = () => new FacequeueError('gone', 'the batch expired, was deleted or never existed');

/** The batch of an id, whoever's it is; null for none. */
export async function readBatch(redis: Redis, prefix: string, id: string): Promise<BatchRecord | null> {
  const [fields, [seconds, micros]] = await Promise.all([redis.hgetallBuffer(`${prefix}:batch:${id}`), redis.time()]);
  return batchFrom(id, fields, Number(seconds) * 1000 + Math.floor(Number(micros) / 1000));
}
