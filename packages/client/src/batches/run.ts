import type { AppendReport, BatchOptions, BatchResource, ItemLine } from '@facequeue/schema';
import { FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
import type { Chunk } from './chunks.ts';
import { createCondition } from './condition.ts';
import type { WaitForRoom } from './retry-while-full.ts';

/** Items after which a batch is closed and another one opened. A batch that has been read is erased: its results take room. */
const BATCH_ITEMS = 10_000;
/**
 * Items that are handed in and whose results have not been read, past which no further ones are: seconds of work for the
 * largest installations, and no reason for the service to turn others away.
 */
const MAX_UNREAD_ITEMS = 2000;
/** A pause for want of room up to which it is not worth to open another batch before it is over. */
const SHORT_PAUSE_MS = 5000;
/** What erasing the batches that were left may take, ms. */
const CLEAN_UP_MS = 5000;

/** What a run asks of the service. */
export interface RunService {
  open(options: BatchOptions | undefined, signal: AbortSignal): Promise<BatchResource>;
  batch(id: string, signal: AbortSignal): Promise<BatchResource>;
  append(id: string, chunk: Chunk, signal: AbortSignal, waitForRoom: WaitForRoom): Promise<AppendReport>;
  close(id: string, signal: AbortSignal): Promise<unknown>;
  /** All results there will be. */
  results(id: string, signal: AbortSignal): AsyncIterable<ItemLine>;
  erase(id: string, signal: AbortSignal): Promise<void>;
}

export interface RunOptions {
  options?: BatchOptions;
  /** Called when a batch has been opened, before anything is in it. */
  onBatch?: (batch: BatchResource) => void | Promise<void>;
}

/** A batch of the run that has not been read to its end. */
interface Part {
  id: string;
  /** Items it has. */
  total: number;
  /** Results that were read. */
  read: number;
  /** Ids of the chunk that is being appended, but for those whose results were read. */
  pending: Set<string>;
}

/**
 * Runs items through batches of its own, one after the other, and gives each item's result as it ends. However it ends,
 * the batches are erased.
 * @param chunks is aborted by the signal it is made with
 * @throws what the chunks throw; what the service refuses; the signal's reason
 */
export async function* runItems(
  service: RunService,
  makeChunks: (signal: AbortSignal) => AsyncIterable<Chunk>,
  { options, onBatch }: RunOptions,
  outer: AbortSignal | undefined,
): AsyncGenerator<ItemLine, void> {
  const stop = new AbortController();
  const { signal } = stop;
  const onAbort = () => stop.abort(outer?.reason);
  outer?.addEventListener('abort', onAbort, { once: true });
  if (outer?.aborted) onAbort();

  const parts: Part[] = [];
  const unreadItems = () => parts.reduce((sum, { total, read }) => sum + Math.max(0, total - read), 0);
  const changed = createCondition();
  let fed = false;

  const openPart = async (): Promise<Part> => {
    const batch = await service.open(options, signal);
    const part: Part = { id: batch.id, total: 0, read: 0, pending: new Set() };
    parts.push(part);
    await onBatch?.(batch);
    changed.notify();
    return part;
  };

  const feed = async () => {
    let part: Part | null = null;
    for await (const chunk of makeChunks(signal)) {
      while (unreadItems() >= MAX_UNREAD_ITEMS) await changed.wait(signal);
      if (part && part.total >= BATCH_ITEMS) {
        await service.close(part.id, signal);
        part = null;
      }
      part = await put(chunk, part);
    }
    if (part) await service.close(part.id, signal);
  };

  /** @returns the batch the chunk is in, null when that is closed */
  const put = async (chunk: Chunk, part: Part | null): Promise<Part | null> => {
    const into = part ?? (await openPart());
    into.pending = new Set(chunk.map(({ id }) => id));
    // Its own results may be what takes the room: they are kept until it is erased, which it can be when all are read.
    const waitForRoom = async (ms: number) => {
      const { total } = (await service.batch(into.id, signal)).counts;
      const allRead = () => total > 0 && into.read >= total;
      if (allRead()) return false;
      const until = performance.now() + ms;
      for (let left = ms; left > 0; left = until - performance.now()) {
        await changed.wait(signal, left);
        if (ms > SHORT_PAUSE_MS && allRead()) return false;
      }
      return true;
    };
    try {
      into.total = (await service.append(into.id, chunk, signal, waitForRoom)).batch.counts.total;
      return into;
    } catch (error) {
      if (!isFacequeueError(error) || (error.code !== 'queue_full' && error.code !== 'conflict')) throw error;
      const { status } = await service.batch(into.id, signal);
      if (status === 'canceled') throw new FacequeueError('canceled', 'the batch was canceled', { cause: error });
    }
    // Or it has closed itself, when there had been no room for an hour.
    await service.close(into.id, signal);
    while (parts.includes(into)) await changed.wait(signal);
    const rest = chunk.filter(({ id }) => into.pending.has(id));
    return rest.length ? put(rest, null) : null;
  };

  const feeding = feed().then(
    () => {
      fed = true;
      changed.notify();
    },
    (error) => stop.abort(error),
  );
  try {
    for (;;) {
      signal.throwIfAborted();
      const part = parts[0];
      if (!part) {
        if (fed) return;
        await changed.wait(signal);
        continue;
      }
      for await (const line of service.results(part.id, signal)) {
        part.read += 1;
        part.pending.delete(line.id);
        changed.notify();
        yield line;
      }
      await service.erase(part.id, signal);
      parts.shift();
      changed.notify();
    }
  } finally {
    outer?.removeEventListener('abort', onAbort);
    stop.abort();
    await feeding;
    const enough = AbortSignal.timeout(CLEAN_UP_MS);
    // What cannot be erased now ends by itself; the reason to end is what is told.
    await Promise.allSettled(parts.map(({ id }) => service.erase(id, enough)));
  }
}
