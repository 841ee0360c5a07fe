import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyOf, type Chunk, type ChunkLimits, chunksOf, oneAhead } from './chunks.ts';
import { base64ByBtoa, base64Of, type NamedItem } from './item.ts';

const never = new AbortController().signal;
const LIMITS: ChunkLimits = { items: 3, length: 100, lingerMs: 250 };
const lines = (chunk: Chunk) =>
  bodyOf(chunk)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const item = (n: number): NamedItem => ({ id: String(n), url: `u${n}` });

async function all(items: Iterable<NamedItem> | AsyncIterable<NamedItem>, limits = LIMITS, signal = never) {
  return Array.fromAsync(chunksOf(items, limits, signal));
}

describe('items in chunks', () => {
  it('appear once each, in order, in as few chunks as the limits allow', async () => {
    const text = fc.string({ maxLength: 60 });
    const anItem = fc.record({ id: text, url: text });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anItem, { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 200 }),
        async (items, most, length) => {
          // No item is slow, so time is no limit here.
          const chunks = await all(items, { items: most, length, lingerMs: 1e6 });
          expect(chunks.flatMap(lines)).toEqual(items);
          for (const [i, chunk] of chunks.entries()) {
            expect(chunk.map(({ id }) => id)).toEqual(lines(chunk).map(({ id }) => id));
            expect(chunk.length).toBeLessThanOrEqual(most);
            expect(bodyOf(chunk).length - 1 <= length || chunk.length === 1).toBe(true);
            const next = chunks[i + 1]?.[0];
            if (next) expect(chunk.length === most || bodyOf(chunk).length + next.text.length > length).toBe(true);
          }
        },
      ),
    );
  });

  it('may have every form of an image', async () => {
    const bytes = Uint8Array.of(0, 1, 250, 251);
    const images = [
      { bytes },
      { bytes: Uint8Array.of(9, ...bytes).subarray(1) },
      { bytes: bytes.buffer },
      { bytes: new Blob([bytes]) },
      { base64: 'AAH6+w==' },
      { url: 'https://example.org/a.jpg' },
    ];
    const made = (await all(images.map((image, i) => ({ id: `${i}`, ...image })))).flatMap(lines);
    expect(made).toEqual([
      ...[0, 1, 2, 3, 4].map((i) => ({ id: `${i}`, img: 'AAH6+w==' })),
      { id: '5', url: 'https://example.org/a.jpg' },
    ]);
  });

  it('encode bytes in a browser as in Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.integer({ min: 0, max: 3 }), (bytes, parts) => {
        const all = new Uint8Array(bytes.length + parts * 0x8000).fill(7);
        all.set(bytes, all.length - bytes.length);
        expect(base64ByBtoa(all) === base64Of(all)).toBe(true);
      }),
    );
  });

  it('refuse a value that is not an item', async () => {
    await expect(all([{ path: 'a.jpg' } as never])).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('items that come slowly', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('delay the items before them by no more than the limit', async () => {
    const times: [number, number][] = [];
    const began = performance.now();
    async function* slow() {
      for (let n = 0; n < 5; n++) {
        yield item(n);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    const done = (async () => {
      for await (const chunk of chunksOf(slow(), LIMITS, never)) times.push([performance.now() - began, chunk.length]);
    })();
    await vi.runAllTimersAsync();
    await done;
    expect(times).toEqual([
      [250, 2],
      [650, 2],
      [1000, 1],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are abandoned at once when the signal aborts, and their iterable is closed', async () => {
    const abort = new AbortController();
    const returned = vi.fn(async () => ({ done: true as const, value: undefined }));
    const hanging = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: returned }) };
    const chunks = all(hanging, LIMITS, abort.signal);
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), 10);
    const failed = expect(chunks).rejects.toBe(reason);
    await vi.runAllTimersAsync();
    await failed;
    expect(returned).toHaveBeenCalledOnce();
  });
});

describe('reading ahead', () => {
  it('makes one value ahead, and keeps the order', async () => {
    let made = 0;
    async function* values() {
      while (made < 5) yield ++made;
    }
    const seen: [number, number][] = [];
    for await (const value of oneAhead(values())) {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push([value, made]);
    }
    expect(seen).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
      [5, 5],
    ]);
  });

  it('throws a failure when the reader reaches it', async () => {
    async function* values() {
      yield 1;
      throw new Error('torn');
    }
    const seen: number[] = [];
    const reading = (async () => {
      for await (const value of oneAhead(values())) {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(value);
      }
    })();
    await expect(reading).rejects.toThrow('torn');
    expect(seen).toEqual([1]);
  });
});
