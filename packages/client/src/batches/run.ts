import type { AppendReport, BatchOptions, BatchResource, ItemLine } from '@facequeue/schema';
import { FacequeueError, isFacequeueError, isRefusedForNow } from '@facequeue/schema/errors';
import { linkedAbort } from '@facequeue/time';
import type { Chunk } from './chunks.ts';
import { createCondition } from './condition.ts';
import type { WaitForRoom } from './retry-while-full.ts';

/** Items after which the next batch is opened. A batch is erased after it was read, since its results occupy memory of the service. */
const BATCH_ITEMS = 10_000;
/**
 * Most submitted items whose results have not been read: seconds of work for the largest installations, and too few to make the
 * service refuse the work of others.
 */
const MAX_OUTSTANDING_ITEMS = 2000;
/** A pause for a full queue up to this long, ms, does not make it open another batch. */
const SHORT_PAUSE_MS = 5000;
/** Time limit for erasing the remaining batches at the end, ms. */
const CLEAN_UP_MS = 5000;

/** The calls that a run needs. */
export interface RunService {
  open(options: BatchOptions | undefined, signal: AbortSignal): Promise<BatchResource>;
  batch(id: string, signal: AbortSignal): Promise<BatchResource>;
  append(id: string, chunk: Chunk, signal: AbortSignal, waitForRoom: WaitForRoom): Promise<AppendReport>;
  close(id: string, signal: AbortSignal): Promise<unknown>;
  /** All results until the batch ends. */
  results(id: string, signal: AbortSignal): AsyncIterable<ItemLine>;
  erase(id: string, signal: AbortSignal): Promise<void>;
}

export interface RunOptions {
  options?: BatchOptions;
  /** Called when a batch has been opened, before it has any items. */
  onBatch?: (batch: BatchResource) => void | Promise<void>;
}

/** A batch of the run that has not been read to its end. */
interface RunBatch {
  id: string;
  /** Items it has. */
  total: number;
  /** Results that were read. */
  read: number;
  /** Ids of the chunk that is being appended, without those whose results were read. */
  pending: Set<string>;
}

/**
 * Runs items through batches of its own, one after the other, and yields each item's result as it ends. However it ends, it
 * erases its batches.
 * @param makeChunks the items; its signal aborts when the run ends
 * @throws the error of the chunks; the error with which the service refuses the work; the signal's reason
 */
export async function* runItems(
  service: RunService,
  makeChunks: (signal: AbortSignal) => AsyncIterable<Chunk>,
  { options, onBatch }: RunOptions,
  outer: AbortSignal | undefined,
): AsyncGenerator<ItemLine, void> {
  const run = linkedAbort(outer);
  const { signal } = run;
  const batches: RunBatch[] = [];
  const outstandingItems = () => batches.reduce((sum, { total, read }) => sum + Math.max(0, total - read), 0);
  const changed = createCondition();
  let allSent = false;

  const openBatch = async (): Promise<RunBatch> => {
    const resource = await service.open(options, signal);
    const batch: RunBatch = { id: resource.id, total: 0, read: 0, pending: new Set() };
    batches.push(batch);
    await onBatch?.(resource);
    changed.notify();
    return batch;
  };

  const submitAll = async () => {
    let batch: RunBatch | null = null;
    for await (const chunk of makeChunks(signal)) {
      while (outstandingItems() >= MAX_OUTSTANDING_ITEMS) await changed.wait(signal);
      if (batch && batch.total >= BATCH_ITEMS) {
        await service.close(batch.id, signal);
        batch = null;
      }
      batch = await submit(chunk, batch);
    }
    if (batch) await service.close(batch.id, signal);
  };

  /** @returns the batch that has the chunk; null when that is closed */
  const submit = async (chunk: Chunk, open: RunBatch | null): Promise<RunBatch | null> => {
    const batch = open ?? (await openBatch());
    batch.pending = new Set(chunk.map(({ id }) => id));
    // The run's own results may occupy the room. They stay until their batch is erased, which is possible once all are read.
    const waitForRoom = async (ms: number) => {
      const { total } = (await service.batch(batch.id, signal)).counts;
      const allRead = () => total > 0 && batch.read >= total;
      if (allRead()) return false;
      const until = performance.now() + ms;
      for (let left = ms; left > 0; left = until - performance.now()) {
        await changed.wait(signal, left);
        if (ms > SHORT_PAUSE_MS && allRead()) return false;
      }
      return true;
    };
    try {
      batch.total = (await service.append(batch.id, chunk, signal, waitForRoom)).batch.counts.total;
      return batch;
    } catch (error) {
      // A conflict: the batch has closed itself, because the queue was full for an hour.
      if (!isRefusedForNow(error) && !(isFacequeueError(error) && error.code === 'conflict')) throw error;
      const { status } = await service.batch(batch.id, signal);
      if (status === 'canceled') throw new FacequeueError('canceled', 'the batch was canceled', { cause: error });
    }
    await service.close(batch.id, signal);
    while (batches.includes(batch)) await changed.wait(signal);
    const rest = chunk.filter(({ id }) => batch.pending.has(id));
    return rest.length ? submit(rest, null) : null;
  };

  const submitting = submitAll().then(
    () => {
      allSent = true;
      changed.notify();
    },
    (error) => run.abort(error),
  );
  try {
    for (;;) {
      signal.throwIfAborted();
      const batch = batches[0];
      if (!batch) {
        if (allSent) return;
        await changed.wait(signal);
        continue;
      }
      for await (const line of service.results(batch.id, signal)) {
        batch.read += 1;
        batch.pending.delete(line.id);
        changed.notify();
        yield line;
      }
      await service.erase(batch.id, signal);
      batches.shift();
      changed.notify();
    }
  } finally {
    run.abort();
    await submitting;
    const cleanUp = AbortSignal.timeout(CLEAN_UP_MS);
    // A batch that cannot be erased now expires by itself; the caller gets the original reason, not this failure.
    await Promise.allSettled(batches.map(({ id }) => service.erase(id, cleanUp)));
  }
}
