import { setImmediate as breath } from 'node:timers/promises';
import type { ItemResult } from '@facequeue/queue';
import { itemLine } from '@facequeue/schema/batch-resource';

/** Results asked for at a time; a page has about 1 MB at most. */
const PAGE_ITEMS = 1000;
/** Bytes of text made without letting others have their turn: a few milliseconds. */
const BREATH_BYTES = 256 * 1024;

/** A stretch of a batch's results as NDJSON. */
export interface Part {
  bytes: Buffer;
  /** Of its last line; what the next part begins behind. '' when there is no line at all. */
  cursor: string;
  /** Nothing comes after it. */
  last: boolean;
}

/**
 * Cuts the results behind a cursor into parts: lines until they have `partBytes` or more. Where a part ends depends on
 * where it began and on nothing else, so a part that is made again is the same.
 * @param page reads results; fewer than asked for says nothing, none says that there are no more
 * @returns at least one part, with no line if there is none
 */
export async function* partsOf(
  page: (after: string, max: number) => Promise<ItemResult[]>,
  after: string,
  partBytes: number,
): AsyncGenerator<Part, void, void> {
  let lines: Buffer[] = [];
  let size = 0;
  let unbroken = 0;
  let cursor = after;
  const part = (last: boolean): Part => ({ bytes: Buffer.concat(lines, size), cursor, last });
  for (;;) {
    const results = await page(cursor, PAGE_ITEMS);
    if (results.length === 0) break;
    for (const result of results) {
      if (size >= partBytes) {
        yield part(false);
        lines = [];
        size = 0;
      }
      const line = Buffer.from(`${JSON.stringify(itemLine(result))}\n`);
      lines.push(line);
      size += line.length;
      cursor = result.cursor;
      unbroken += line.length;
      if (unbroken >= BREATH_BYTES) {
        await breath();
        unbroken = 0;
      }
    }
  }
  yield part(true);
}
