/** Reading pages of a stream whose entries are numbered 1-0, 2-0, … */
import type { Redis } from 'ioredis';

/** Bytes a page is to have at most; its first entry it has in any case. */
const PAGE_BYTES = 1_000_000;
/** Entries read at first: how large they are is not known yet. */
const FIRST_ENTRIES = 64;

type Entry = [Buffer, Buffer[]];

/**
 * @param after number of the last entry seen, '' for none
 * @param max entries at most
 * @returns the entries that follow, fewer than `max` when they pass about 1 MB
 */
export async function readPage(redis: Redis, key: string, after: string, max: number): Promise<Entry[]> {
  const page: Entry[] = [];
  let bytes = 0;
  let count = Math.min(max, FIRST_ENTRIES);
  let last = after || '0';
  while (page.length < max) {
    const entries = (await redis.xrangeBuffer(key, `(${last}-0`, '+', 'COUNT', count)) as Entry[];
    page.push(...entries);
    if (entries.length < count) break;
    for (const [, pairs] of entries) for (const part of pairs) bytes += part.length;
    const each = bytes / page.length;
    count = Math.min(max - page.length, Math.floor((PAGE_BYTES - bytes) / each));
    if (count < 1) break;
    last = entries.at(-1)![0].toString().split('-', 1)[0]!;
  }
  return page;
}
