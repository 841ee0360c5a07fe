import { itemJson, type NamedItem } from './item.ts';

/** An item on its way. */
export interface Line {
  id: string;
  /** The item as JSON. */
  text: string;
}

/** Items as one request carries them. */
export type Chunk = Line[];

/** NDJSON. */
export const bodyOf = (chunk: Chunk) => chunk.map(({ text }) => `${text}\n`).join('');

export interface ChunkLimits {
  /** Most items of a chunk. */
  items: number;
  /** Characters past which a chunk takes no further item; one of a single item may be longer. */
  length: number;
  /** How long the first item of a chunk waits for the others, ms. */
  lingerMs: number;
}

/**
 * Items in chunks, in their order. What comes slowly is not kept waiting: a chunk goes when its first item has waited
 * `lingerMs`. Holds one chunk and one item, and takes no further item before the last chunk has been taken.
 * @param signal ends it, also while an item is awaited; whoever stops reading before the end aborts it
 * @throws the signal's reason; what the items throw; invalid_request for what is no item
 */
export async function* chunksOf(
  items: Iterable<NamedItem> | AsyncIterable<NamedItem>,
  limits: ChunkLimits,
  signal: AbortSignal,
): AsyncGenerator<Chunk, void> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const take = async () => source.next();
  let lines: Chunk = [];
  let length = 0;
  let goesAt = Number.POSITIVE_INFINITY;
  const chunk = (): Chunk => {
    const made = lines;
    [lines, length, goesAt] = [[], 0, Number.POSITIVE_INFINITY];
    return made;
  };
  let exhausted = false;
  try {
    let next = take();
    for (;;) {
      const taken = await within(next, goesAt - performance.now(), signal);
      if (taken === null) {
        yield chunk();
        continue;
      }
      if (taken.done) break;
      const text = JSON.stringify(await itemJson(taken.value));
      if (lines.length && length + text.length > limits.length) yield chunk();
      if (!lines.length) goesAt = performance.now() + limits.lingerMs;
      lines.push({ id: taken.value.id, text });
      length += text.length + 1;
      if (lines.length >= limits.items || length >= limits.length) yield chunk();
      next = take();
    }
    exhausted = true;
    if (lines.length) yield chunk();
  } finally {
    // Not awaited: one that is in the middle of its next item may take its time.
    if (!exhausted) void (async () => source.return?.())().catch(() => {});
  }
}

/**
 * What a promise resolves with, or null when it has not within `ms`.
 * @param ms none at all when infinite
 * @throws what it rejects with; the signal's reason
 */
function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      over();
      reject(signal.reason);
    };
    const late = () => {
      over();
      resolve(null);
    };
    const timer = Number.isFinite(ms) ? setTimeout(late, Math.max(0, ms)) : undefined;
    signal.addEventListener('abort', onAbort);
    promise.then(
      (value) => {
        over();
        resolve(value);
      },
      (error) => {
        over();
        reject(error);
      },
    );
    if (signal.aborted) onAbort();
  });
}

/** Works on the next value while whoever reads is busy with the last one. */
export async function* oneAhead<T>(values: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  const take = () => {
    const next = values.next();
    next.catch(() => {}); // told to the reader when it comes for it, if it does
    return next;
  };
  try {
    let next = take();
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = take();
      yield value as T;
    }
  } finally {
    // Not awaited: what is just being made may take its time.
    values.return().catch(() => {});
  }
}
