import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { ItemResult } from '@facequeue/queue';
import { itemLine } from '@facequeue/schema/batch-resource';

/** Results read at a time; a page is about 1 MB at most. */
const PAGE_ITEMS = 1000;
/** Bytes of text made between two yields to the event loop: a few milliseconds of work. */
const YIELD_BYTES = 256 * 1024;

/** A section of a batch's results as NDJSON. */
export interface Part {
  bytes: Buffer;
  /** Cursor of its last line, after which the next part begins; '' when there is no line at all. */
  cursor: string;
  /** No part follows. */
  last: boolean;
}

/**
 * Cuts the results after a cursor into parts: whole lines, until a part has `partBytes` or more. Where a part ends depends only on
 * where it began, so a part that is repeated is the same.
 * @param page reads results; it may return fewer than `max`, and returns none only at the end
 * @returns at least one part, which has no line if there are no results
 */
export async function* partsOf(
  page: (after: string, max: number) => Promise<ItemResult[]>,
  after: string,
  partBytes: number,
): AsyncGenerator<Part, void, void> {
  let lines: Buffer[] = [];
  let size = 0;
  let bytesSinceYield = 0;
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
      bytesSinceYield += line.length;
      if (bytesSinceYield >= YIELD_BYTES) {
        await yieldToEventLoop();
        bytesSinceYield = 0;
      }
    }
  }
  yield part(true);
}
