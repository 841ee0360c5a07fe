/** Reading pages of a stream whose entries are numbered 1-0, 2-0, … */
import type { Redis } from 'ioredis';

/** Bytes of a page at most; it always has its first entry. */
const PAGE_BYTES = 1_000_000;
/** Entries read first: how large they are is not known yet, and what exceeds the page is read for nothing. */
const FIRST_ENTRIES = 16;

/** An entry as `XRANGE` returns it. */
export type StreamEntry = [id: Buffer, pairs: Buffer[]];

/** The number of an entry. */
export const numberOf = (id: Buffer | string): string => id.toString().split('-', 1)[0]!;

/**
 * @param after number of the last entry seen, '' for none
 * @param max entries at most
 * @returns the entries that follow, fewer than `max` when they exceed 1 MB; none only at the end of the stream
 */
export async function readPage(redis: Redis, key: string, after: string, max: number): Promise<StreamEntry[]> {
  const page: StreamEntry[] = [];
  let bytes = 0;
  let count = Math.min(max, FIRST_ENTRIES);
  let last = after || '0';
  while (page.length < max) {
    const entries = (await redis.xrangeBuffer(key, `(${last}-0`, '+', 'COUNT', count)) as StreamEntry[];
    for (const entry of entries) {
      const size = sizeOf(entry);
      if (page.length > 0 && bytes + size > PAGE_BYTES) return page;
      page.push(entry);
      bytes += size;
    }
    if (entries.length < count) break;
    const each = bytes / page.length;
    count = Math.min(max - page.length, Math.floor((PAGE_BYTES - bytes) / each));
    if (count < 1) break;
    last = numberOf(entries.at(-1)![0]);
  }
  return page;
}

const sizeOf = ([, pairs]: StreamEntry) => pairs.reduce((sum, part) => sum + part.length, 0);
