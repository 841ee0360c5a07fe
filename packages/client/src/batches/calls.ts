import type { AppendReport, BatchOptions, BatchResource, ItemLine } from '@facequeue/schema';
import { linkedAbort } from '@facequeue/time';
import type { CallOptions } from '../call-options.ts';
import { newIdempotencyKey } from '../submission.ts';
import type { Transport } from '../transport.ts';
import { bodyOf, type ChunkLimits, chunksOf, oneAhead } from './chunks.ts';
import { type BatchItem, itemJson, namedItems } from './item.ts';
import { readResults } from './results.ts';
import { retryWhileFull } from './retry-while-full.ts';
import { type RunOptions, runItems } from './run.ts';

/** Limits of one request, well below those of the service: a request that breaks off costs little. */
const CHUNK: ChunkLimits = { items: 1000, length: 4 << 20, lingerMs: 250 };

export interface NewBatch {
  /** At most 1000; `appendItems` takes any number. */
  items?: Iterable<BatchItem> | AsyncIterable<BatchItem>;
  /** Whether more items may be appended until the batch is closed. */
  open?: boolean;
  /** For all its items. */
  options?: BatchOptions;
  /** Receives a signed POST when the batch has ended. */
  webhookUrl?: string;
  /** `s3://bucket/key` to which a worker also writes the results. */
  output?: string;
  /** Whether `output` may replace an existing object. */
  overwrite?: boolean;
  /** Prefix whose objects become items; a worker lists them. `suffixes` are those of the image formats by default. */
  s3?: { prefix: string; suffixes?: string[] };
}

export interface ResultsOptions extends CallOptions {
  /** `cursor` of the line after which to start. */
  after?: string;
  /** Whether to continue until the batch has ended. */
  follow?: boolean;
}

/** What happened to the items that were appended. */
export interface AppendTotals {
  /** Items that will be run. */
  accepted: number;
  /** Items whose id was already in the batch. */
  skipped: number;
  /** Items that failed at once. */
  failed: number;
}

/** The calls for many images. Errors are those of `Client`. */
export interface BatchCalls {
  /** Creates a batch. It is retried after a broken connection only when the batch is empty and open: such a batch closes itself. */
  createBatch(batch: NewBatch, call?: CallOptions): Promise<BatchResource>;
  /** A batch as it is now. */
  batch(id: string, call?: CallOptions): Promise<BatchResource>;
  /**
   * Appends items to an open batch, in requests of a few megabytes, one at a time and at most two in memory. While the queue is
   * full it waits without limit. A request that breaks is sent again: the service recognizes items by their ids. Either all
   * items have an id or none has; then each gets one, made of a random word and its number.
   */
  appendItems(
    id: string,
    items: Iterable<BatchItem> | AsyncIterable<BatchItem>,
    call?: CallOptions,
  ): Promise<AppendTotals>;
  /** Closes the batch to further items. */
  closeBatch(id: string, call?: CallOptions): Promise<BatchResource>;
  /** Cancels the batch. No further item starts; pending items end `canceled`. */
  cancelBatch(id: string, call?: CallOptions): Promise<BatchResource>;
  /** Cancels a batch and erases its items and results at once. */
  eraseBatch(id: string, call?: CallOptions): Promise<void>;
  /** Results in the order in which items ended, each once. Survives broken connections as `wait` does. */
  results(id: string, call?: ResultsOptions): AsyncIterable<ItemLine>;
  /**
   * Runs any number of items and yields each item's result as it ends. It uses batches of its own, which it erases when they have
   * been read or when reading stops early. Either all items have an id or none has; then each is named by its number, from 1.
   * Items are read as there is room for them: memory does not grow with their number.
   */
  batchResults(
    items: Iterable<BatchItem> | AsyncIterable<BatchItem>,
    call?: RunOptions & CallOptions,
  ): AsyncIterable<ItemLine>;
}

export function createBatchCalls({ call, open }: Transport): BatchCalls {
  const pathOf = (id: string) => `/batches/${encodeURIComponent(id)}`;
  const post = async (path: string, signal: AbortSignal | undefined) =>
    (await call<BatchResource>({ method: 'POST', path, repeatable: true, signal })).json;

  const create = async (
    { items, webhookUrl, ...more }: NewBatch,
    signal: AbortSignal | undefined,
    retries?: number,
  ): Promise<BatchResource> => {
    const listed = items && (await Array.fromAsync(items, itemJson));
    const body = JSON.stringify({ ...more, items: listed, webhook_url: webhookUrl });
    const { json } = await call<BatchResource>({
      method: 'POST',
      path: '/batches',
      body: { body, type: 'application/json' },
      repeatable: more.open === true && !items && !more.s3 && webhookUrl === undefined,
      retries,
      signal,
    });
    return json;
  };

  const append = async (id: string, body: string, signal: AbortSignal): Promise<AppendReport> => {
    const path = `${pathOf(id)}/items`;
    const type = 'application/x-ndjson';
    return (
      await call<AppendReport>({ method: 'POST', path, body: { body, type }, repeatable: true, retries: 0, signal })
    ).json;
  };

  const calls: BatchCalls = {
    createBatch: (batch, { signal } = {}) => create(batch, signal),
    batch: async (id, { signal } = {}) =>
      (await call<BatchResource>({ method: 'GET', path: pathOf(id), repeatable: true, signal })).json,
    async appendItems(id, items, { signal: outer } = {}) {
      const ended = linkedAbort(outer);
      const { signal } = ended;
      const totals: AppendTotals = { accepted: 0, skipped: 0, failed: 0 };
      try {
        const named = namedItems(items, `${newIdempotencyKey().slice(0, 12)}-`);
        for await (const chunk of oneAhead(chunksOf(named, CHUNK, signal))) {
          const body = bodyOf(chunk);
          const report = await retryWhileFull(() => append(id, body, signal), signal);
          for (const what of ['accepted', 'skipped', 'failed'] as const) totals[what] += report[what];
        }
        return totals;
      } finally {
        ended.abort();
      }
    },
    closeBatch: (id, { signal } = {}) => post(`${pathOf(id)}/close`, signal),
    cancelBatch: (id, { signal } = {}) => post(`${pathOf(id)}/cancel`, signal),
    async eraseBatch(id, { signal } = {}) {
      await call({ method: 'DELETE', path: pathOf(id), repeatable: true, signal });
    },
    results: (id, { after = '', follow = false, signal } = {}) =>
      readResults(
        { open, path: `${pathOf(id)}/results`, batch: (signal) => calls.batch(id, { ...(signal && { signal }) }) },
        after,
        follow,
        signal,
      ),
    batchResults: (items, { signal, ...run } = {}) =>
      runItems(
        {
          open: (options, signal) =>
            retryWhileFull(() => create({ open: true, ...(options && { options }) }, signal, 0), signal),
          batch: (id, signal) => retryWhileFull(() => calls.batch(id, { signal }), signal),
          append: (id, chunk, signal, waitForRoom) => {
            const body = bodyOf(chunk);
            return retryWhileFull(() => append(id, body, signal), signal, waitForRoom);
          },
          close: (id, signal) => retryWhileFull(() => calls.closeBatch(id, { signal }), signal),
          results: (id, signal) => calls.results(id, { follow: true, signal }),
          erase: (id, signal) => retryWhileFull(() => calls.eraseBatch(id, { signal }), signal),
        },
        (signal) => oneAhead(chunksOf(namedItems(items, ''), CHUNK, signal)),
        run,
        signal,
      ),
  };
  return calls;
}
