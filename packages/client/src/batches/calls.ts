import type { AppendReport, BatchOptions, BatchResource, ItemLine } from '@facequeue/schema';
import type { CallOptions } from '../call-options.ts';
import { newIdempotencyKey } from '../submission.ts';
import type { Transport } from '../transport.ts';
import { bodyOf, type ChunkLimits, chunksOf, oneAhead } from './chunks.ts';
import { type BatchItem, itemJson, namedItems } from './item.ts';
import { readResults } from './results.ts';
import { retryWhileFull } from './retry-while-full.ts';
import { type RunOptions, runItems } from './run.ts';

/** What one request carries: well below what the service takes, so that one that breaks costs little. */
const CHUNK: ChunkLimits = { items: 1000, length: 4 << 20, lingerMs: 250 };

export interface NewBatch {
  /** At most 1000; `appendItems` takes any number. */
  items?: Iterable<BatchItem> | AsyncIterable<BatchItem>;
  /** Whether more items will be appended, until it is closed. */
  open?: boolean;
  /** For all its items. */
  options?: BatchOptions;
  /** Told of the batch's end by a signed POST. */
  webhookUrl?: string;
  /** `s3://bucket/key` to which a worker writes the results, too. */
  output?: string;
  /** Whether `output` may take the place of an object. */
  overwrite?: boolean;
  /** Where a worker lists the items; `suffixes` are those of images unless named. */
  s3?: { prefix: string; suffixes?: string[] };
}

export interface ResultsOptions extends CallOptions {
  /** `cursor` of the last line that is not wanted any more. */
  after?: string;
  /** Whether to go on until the batch has ended. */
  follow?: boolean;
}

/** What came of items that were appended. */
export interface AppendTotals {
  /** Items that will be run. */
  accepted: number;
  /** Items whose id the batch had already. */
  skipped: number;
  /** Items that became failed ones. */
  failed: number;
}

/** The part of the client that works on many images. Errors as everywhere in it. */
export interface BatchCalls {
  /** Begins a batch. Not repeated after a broken connection, unless it is empty and open: such a one closes itself. */
  createBatch(batch: NewBatch, call?: CallOptions): Promise<BatchResource>;
  /** A batch as it is now. */
  batch(id: string, call?: CallOptions): Promise<BatchResource>;
  /**
   * Appends items to an open batch, in requests of a few megabytes, one at a time, no more than two of which are in memory.
   * While the queue is full it waits, for as long as that takes. A request that breaks is made again: items are known by
   * their ids. Items without one are given one, a word and their number; either all have one or none has.
   */
  appendItems(
    id: string,
    items: Iterable<BatchItem> | AsyncIterable<BatchItem>,
    call?: CallOptions,
  ): Promise<AppendTotals>;
  /** No more items will come. */
  closeBatch(id: string, call?: CallOptions): Promise<BatchResource>;
  /** No further item begins; those that wait end `canceled`. */
  cancelBatch(id: string, call?: CallOptions): Promise<BatchResource>;
  /** Cancels a batch and erases its items and results at once. */
  eraseBatch(id: string, call?: CallOptions): Promise<void>;
  /** Results in the order in which items ended, each once. Gets over breaks as `wait` does. */
  results(id: string, call?: ResultsOptions): AsyncIterable<ItemLine>;
  /**
   * Runs any number of items and gives each one's result as it ends, in batches of its own that are erased when they have
   * been read or when reading ends early. Items without an id are named by their number, from 1; either all have one or none has. Items
   * are taken as there is room for them: memory does not grow with their number.
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
      const over = new AbortController();
      const signal = outer ? AbortSignal.any([outer, over.signal]) : over.signal;
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
        over.abort();
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
