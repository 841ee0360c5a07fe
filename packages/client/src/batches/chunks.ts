import { boundedWait } from '../bounded-wait.ts';
import { itemJson, type NamedItem } from './item.ts';

/** An item as a line of NDJSON. */
export interface Line {
  id: string;
  /** The item as JSON. */
  text: string;
}

/** The items of one request. */
export type Chunk = Line[];

/** The body of a request, as NDJSON. */
export const bodyOf = (chunk: Chunk) => chunk.map(({ text }) => `${text}\n`).join('');

export interface ChunkLimits {
  /** Most items of a chunk. */
  items: number;
  /** Most characters of a chunk. A chunk of one item may be longer. */
  length: number;
  /** How long the first item of a chunk waits for more, ms. */
  lingerMs: number;
}

/**
 * Groups items into chunks, in order. Slow items are not held back: a chunk is complete when its first item has waited
 * `lingerMs`. Holds one chunk and one item, and reads no further item before the last chunk has been read.
 * @param signal ends it, even while it waits for an item; abort it when you stop reading before the end
 * @throws the signal's reason; what the items throw; invalid_request for something that is not an item
 */
export async function* chunksOf(
  items: Iterable<NamedItem> | AsyncIterable<NamedItem>,
  limits: ChunkLimits,
  signal: AbortSignal,
): AsyncGenerator<Chunk, void> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const readNext = async () => source.next();
  let lines: Chunk = [];
  let length = 0;
  let dueAt = Number.POSITIVE_INFINITY;
  const chunk = (): Chunk => {
    const made = lines;
    [lines, length, dueAt] = [[], 0, Number.POSITIVE_INFINITY];
    return made;
  };
  let exhausted = false;
  try {
    let next = readNext();
    for (;;) {
      const read = await boundedWait(next, dueAt - performance.now(), signal);
      if (read === null) {
        yield chunk();
        continue;
      }
      if (read.done) break;
      const text = JSON.stringify(await itemJson(read.value));
      if (lines.length && length + text.length > limits.length) yield chunk();
      if (!lines.length) dueAt = performance.now() + limits.lingerMs;
      lines.push({ id: read.value.id, text });
      length += text.length + 1;
      if (lines.length >= limits.items || length >= limits.length) yield chunk();
      next = readNext();
    }
    exhausted = true;
    if (lines.length) yield chunk();
  } finally {
    // Not awaited: the source may be in the middle of a slow item.
    if (!exhausted) void (async () => source.return?.())().catch(() => {});
  }
}

/** Reads one value ahead: the next value is made while the reader works on the last one. */
export async function* oneAhead<T>(values: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  const readNext = () => {
    const next = values.next();
    next.catch(() => {}); // thrown when the reader reaches it
    return next;
  };
  try {
    let next = readNext();
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = readNext();
      yield value as T;
    }
  } finally {
    // Not awaited: the value in progress may take long.
    values.return().catch(() => {});
  }
}
