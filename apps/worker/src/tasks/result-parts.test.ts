import type { ItemResult } from '@facequeue/queue';
import { itemLine } from '@facequeue/schema/batch-resource';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Part, partsOf } from './result-parts.ts';

const result = (name: string, i: number): ItemResult => ({
  cursor: String(i + 1),
  name,
  line: null,
  jobId: '',
  status: 'canceled',
  finishedAt: 0,
  attempts: 0,
  error: null,
  image: null,
  timings: {},
  result: null,
});

/** A reader of pages whose lengths cycle through `lengths`. */
function reader(results: ItemResult[], lengths: number[]) {
  let pages = 0;
  return async (after: string, max: number) => {
    const from = Number(after || '0');
    return results.slice(from, from + Math.min(max, lengths[pages++ % lengths.length]!));
  };
}

async function collected(parts: AsyncIterable<Part>): Promise<Part[]> {
  const all: Part[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

const cases = fc.record({
  names: fc.array(fc.string({ maxLength: 300 }), { maxLength: 40 }),
  lengths: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
  otherLengths: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
  partBytes: fc.integer({ min: 1, max: 5000 }),
});

it('parts hold every line once, whole and in order, and all but the last have the size asked for', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ names, lengths, partBytes }) => {
      const results = names.map(result);
      const parts = await collected(partsOf(reader(results, lengths), '', partBytes));
      const text = Buffer.concat(parts.map(({ bytes }) => bytes)).toString();
      expect(text).toBe(results.map((one) => `${JSON.stringify(itemLine(one))}\n`).join(''));
      for (const { bytes, last } of parts) {
        expect(last || bytes.length >= partBytes).toBe(true);
        expect(bytes.length === 0 || bytes.at(-1) === 10).toBe(true);
      }
      expect(parts.map(({ last }) => last)).toEqual(parts.map((_, i) => i === parts.length - 1));
      expect(parts.at(-1)!.cursor).toBe(results.at(-1)?.cursor ?? '');
    }),
  );
});

it('parts made again from a cursor are the same, however the results are paged', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat(), async ({ names, lengths, otherLengths, partBytes }, pick) => {
      const results = names.map(result);
      const first = await collected(partsOf(reader(results, lengths), '', partBytes));
      const at = pick % first.length;
      const again = await collected(partsOf(reader(results, otherLengths), first[at]!.cursor, partBytes));
      const rest = first.slice(at + 1);
      const wanted = rest.length > 0 ? rest : [{ bytes: Buffer.alloc(0), cursor: first[at]!.cursor, last: true }];
      expect(again).toEqual(wanted);
    }),
  );
});
