/** Reading pages of a stream whose entries are numbered 1-0, 2-0, … */
import type { Redis } from 'ioredis';

/** Bytes of a page at most; it always has its first entry. */
const PAGE_BYTES = 1_000_000;
/** Entries read first: how large they are is not known yet. */
const FIRST_ENTRIES = 64;

/** An entry as `XRANGE` returns it. */
export type StreamEntry = [id: Buffer, pairs: Buffer[]];

/** The number of an entry. */
export const numberOf = (id: Buffer | string): string => id.toString().split('-', 1)[0]!;

/**
 * @param after number of the last entry seen, '' for none
 * @param max entries at most
 * @returns the entries that follow, fewer than `max` when they exceed about 1 MB
 */
export async function readPage(redis: Redis, key: string, after: string, max: number): Promise<StreamEntry[]> {
  const page: StreamEntry[] = [];
  let bytes = 0;
  let count = Math.min(max, FIRST_ENTRIES);
  let last = after || '0';
  while (page.length < max) {
    const entries = (await redis.xrangeBuffer(key, `(${last}-0`, '+', 'COUNT', count)) as StreamEntry[];
    page.push(...entries);
    if (entries.length < count) break;
    for (const [, pairs] of entries) for (const part of pairs) bytes += part.length;
    const each = bytes / page.length;
    count = Math.min(max - page.length, Math.floor((PAGE_BYTES - bytes) / each));
    if (count < 1) break;
    last = numberOf(entries.at(-1)![0]);
  }
  return page;
}
