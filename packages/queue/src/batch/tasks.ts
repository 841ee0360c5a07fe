import type { ErrorCode } from '@facequeue/schema';
import { type AdmissionLimits, admissionError } from '../limits/admission.ts';
import { DueNotifier } from '../notify/due-notifier.ts';
import type { Connections } from '../redis/connections.ts';
import { defineScript, flag, isOne, number, text } from '../redis/define-script.ts';
import { readPage } from '../redis/stream-page.ts';
import { appendScript, itemArguments } from './append.ts';
import type { BatchTask, ItemResult, NewItem } from './batch.ts';
import { readBatch } from './batches.ts';
import { itemResultFrom } from './record.ts';

export const leaseTaskScript = defineScript({
  file: new URL('./lease-task.lua', import.meta.url),
  args: { leaseMs: number },
  reply: (reply: [kind: BatchTask['kind'], id: string, lease: number, tries: number, state: string] | null) => reply,
});

const extendTaskScript = defineScript({
  file: new URL('./extend-task.lua', import.meta.url),
  args: { kind: text, id: text, lease: number, leaseMs: number, saves: flag, state: text },
  reply: isOne,
});

export const endTaskScript = defineScript({
  file: new URL('./end-task.lua', import.meta.url),
  args: {
    kind: text,
    id: text,
    lease: number,
    how: text,
    delayMs: number,
    errorCode: text,
    errorDetail: text,
  },
  reply: isOne,
});

/**
 * Work for batches, from the worker's side. False means that the task is no longer this worker's, and that nothing was done: it has ended it,
 * another worker has leased it, or its batch was canceled or erased. A lease that has lasted its time still counts until another worker leases
 * the task.
 */
export class BatchTasks {
  /** For WorkerQueue. */
  readonly due: DueNotifier;
  readonly #connections: Connections;
  readonly #limits: AdmissionLimits;

  constructor(connections: Connections, limits: AdmissionLimits) {
    this.#connections = connections;
    this.#limits = limits;
    this.due = new DueNotifier(connections.redis, connections.keys.tasks);
  }

  /** Leases a task that is due; null when none is. */
  async lease(leaseMs: number): Promise<BatchTask | null> {
    const { redis, keys, scripts } = this.#connections;
    for (;;) {
      const leased = await scripts.run(leaseTaskScript, { leaseMs });
      if (!leased) return null;
      const [kind, id, lease, tries, state] = leased;
      const batch = await readBatch(redis, keys, id);
      // Erased between the two calls: another task may be due.
      if (batch) return { kind, batch, lease, state, tries };
    }
  }

  /** Extends the lease. */
  extend(task: BatchTask, leaseMs: number): Promise<boolean> {
    return this.#extend(task, leaseMs, null);
  }

  /** Saves how far the task has got, and extends the lease. */
  save(task: BatchTask, state: string, leaseMs: number): Promise<boolean> {
    return this.#extend(task, leaseMs, state);
  }

  /**
   * Appends items of a listing and saves its state in the same step, so that none is lost or listed twice.
   * @throws queue_full (with retryAfterMs): nothing was done
   */
  async append({ batch, lease }: BatchTask, items: NewItem[], state: string, leaseMs: number): Promise<boolean> {
    const { scripts, bullQueues } = this.#connections;
    const reply = await scripts.run(appendScript, {
      id: batch.id,
      owner: '',
      duplicates: 'skip',
      limits: this.#limits,
      lease,
      state,
      leaseMs,
      items: itemArguments(items),
    });
    if (reply[0] === 'full') throw admissionError(reply);
    if (reply[0] !== 'ok') return false;
    const [, , , , ...tokens] = reply;
    await bullQueues.addAll(tokens, 'bulk');
    return true;
  }

  /** As Batches.results. */
  async results(id: string, after: string, max: number): Promise<ItemResult[]> {
    const { redis, keys } = this.#connections;
    return (await readPage(redis, keys.results(id), after, max)).map(itemResultFrom);
  }

  /** The task is due again after `delayMs`, for any worker. */
  release(task: BatchTask, delayMs: number): Promise<boolean> {
    return this.#end(task, 'release', Math.round(delayMs), null);
  }

  /** Ends the task. A listing that fails leaves the items it found; the batch ends with what it has. */
  finish(task: BatchTask, error: { code: ErrorCode; detail: string } | null): Promise<boolean> {
    return this.#end(task, error ? 'failed' : 'done', 0, error);
  }

  /** Whether the task remains to be done, by the holder of its lease. False once it has ended or its batch was canceled or erased. */
  async isPending({ kind, batch }: BatchTask): Promise<boolean> {
    const { redis, keys } = this.#connections;
    return (await redis.zscore(keys.tasks, `${kind} ${batch.id}`)) !== null;
  }

  /** Calls `listener` when a task may have become due. @returns ends that */
  onTask(listener: () => void): () => void {
    return this.due.add(listener);
  }

  #extend({ kind, batch, lease }: BatchTask, leaseMs: number, state: string | null): Promise<boolean> {
    return this.#connections.scripts.run(extendTaskScript, {
      kind,
      id: batch.id,
      lease,
      leaseMs,
      saves: state !== null,
      state: state ?? '',
    });
  }

  #end(
    { kind, batch, lease }: BatchTask,
    how: 'release' | 'done' | 'failed',
    delayMs: number,
    error: { code: ErrorCode; detail: string } | null,
  ): Promise<boolean> {
    return this.#connections.scripts.run(endTaskScript, {
      kind,
      id: batch.id,
      lease,
      how,
      delayMs,
      errorCode: error?.code ?? '',
      errorDetail: error?.detail ?? '',
    });
  }
}
