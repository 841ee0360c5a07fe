import type { ErrorCode } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import type { Transport } from '../bullmq/bull-queues.ts';
import type { BatchTask, ItemResult, NewItem } from './batch.ts';
import { refusalText } from '../limits/admission.ts';
import type { Scripts } from '../redis/scripts.ts';
import { readPage } from '../redis/stream-page.ts';
import { type AppendReply, appendArguments } from './append.ts';
import { readBatch } from './batches.ts';
import { itemResultFrom } from './record.ts';

interface Context {
  redis: Redis;
  prefix: string;
  scripts: Scripts;
  transport: Transport;
}

/** Work for batches from the worker's side, in Redis. */
export class RedisBatchTasks implements BatchTasks {
  readonly #context: Context;
  readonly #limits: readonly number[];
  readonly #listeners = new Set<() => void>();

  /** @param limits as scripts take them */
  constructor(context: Context, limits: readonly number[]) {
    this.#context = context;
    this.#limits = limits;
  }

  async lease(leaseMs: number): Promise<BatchTask | null> {
    const { redis, prefix, scripts } = this.#context;
    for (;;) {
      const taken = await scripts('take-task', leaseMs);
      if (!taken) return null;
      const [kind, id, lease, tries, state] = taken as [BatchTask['kind'], string, number, number, string];
      const batch = await readBatch(redis, prefix, id);
      // Erased between the two: there may be another.
      if (batch) return { kind, batch, lease, state, tries };
    }
  }

  extend(task: BatchTask, leaseMs: number): Promise<boolean> {
    return this.#keep(task, leaseMs, 0, '');
  }

  save(task: BatchTask, state: string, leaseMs: number): Promise<boolean> {
    return this.#keep(task, leaseMs, 1, state);
  }

  async append(task: BatchTask, items: NewItem[], state: string, leaseMs: number): Promise<boolean> {
    const { scripts, transport } = this.#context;
    const reply = (await scripts(
      'append-batch',
      task.batch.id,
      '',
      'skip',
      ...this.#limits,
      task.lease,
      state,
      leaseMs,
      ...appendArguments(items),
    )) as AppendReply;
    if (reply[0] === 'full')
      throw new FacequeueError('queue_full', refusalText(reply[1]), { retryAfterMs: reply[2], reason: reply[1] });
    if (reply[0] !== 'ok') return false;
    const [, , , , ...turns] = reply;
    if (turns.length) await transport.addTurns(turns, 'bulk');
    return true;
  }

  async results(id: string, after: string, max: number): Promise<ItemResult[]> {
    const { redis, prefix } = this.#context;
    return (await readPage(redis, `${prefix}:results:${id}`, after, max)).map(itemResultFrom);
  }

  release(task: BatchTask, delayMs: number): Promise<boolean> {
    return this.#end(task, 'release', Math.round(delayMs), null);
  }

  finish(task: BatchTask, error: { code: ErrorCode; detail: string } | null): Promise<boolean> {
    return this.#end(task, error ? 'failed' : 'done', 0, error);
  }

  async isPending({ kind, batch }: BatchTask): Promise<boolean> {
    const { redis, prefix } = this.#context;
    return (await redis.zscore(`${prefix}:tasks`, `${kind} ${batch.id}`)) !== null;
  }

  onTask(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One may have become due. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Tells if there are any: leases end, and released tasks become due, without anybody announcing it. */
  async look(): Promise<void> {
    if (this.#listeners.size && (await this.#context.redis.exists(`${this.#context.prefix}:tasks`))) this.tell();
  }

  async #keep({ kind, batch, lease }: BatchTask, leaseMs: number, withState: 0 | 1, state: string): Promise<boolean> {
    return (await this.#context.scripts('keep-task', kind, batch.id, lease, leaseMs, withState, state)) === 1;
  }

  async #end(
    { kind, batch, lease }: BatchTask,
    how: 'release' | 'done' | 'failed',
    delayMs: number,
    error: { code: ErrorCode; detail: string } | null,
  ): Promise<boolean> {
    const { code = '', detail = '' } = error ?? {};
    return (await this.#context.scripts('end-task', kind, batch.id, lease, how, delayMs, code, detail)) === 1;
  }
}
