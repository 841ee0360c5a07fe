import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, LineSplitter } from './lines.ts';

const MAX_LINE = 40;
const HEAD_BYTES = 8192;

/** The lines of a body cut at `cuts`. */
function lines(body: Buffer, cuts: number[], maxLine = MAX_LINE): { lines: [number, string][]; maxBuffered: number } {
  const splitter = new LineSplitter(maxLine);
  const found: Line[] = [];
  const edges = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length];
  let maxBuffered = 0;
  for (const [i, edge] of edges.slice(1).entries()) {
    found.push(...splitter.push(Buffer.from(body.subarray(edges[i], edge))));
    maxBuffered = Math.max(maxBuffered, splitter.bufferedBytes);
  }
  found.push(...splitter.end());
  return { lines: found.map((line) => [line.number, String('text' in line ? line.text : line.head)]), maxBuffered };
}

const body = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\r', '\t', '"'), maxLength: 60 }), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.join('\n')));

describe('lines of a body', () => {
  it('are the same however the body is cut into chunks', () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(1000), { maxLength: 20 }), (body, cuts) => {
        const expected = String(body)
          .split('\n')
          .map((text, i) => [i + 1, text] as const)
          .filter(([, text]) => text.trim() !== '' || Buffer.byteLength(text) > MAX_LINE);
        const { lines: found, maxBuffered } = lines(body, cuts);
        expect(found).toEqual(expected);
        expect(maxBuffered).toBeLessThanOrEqual(HEAD_BYTES);
      }),
      { numRuns: 500 },
    );
  });

  it('that are too long are reduced to their beginning', () => {
    const long = Buffer.concat([
      Buffer.from('{"id":"a"}\n{"id":"b","img":"'),
      Buffer.alloc(5e6, 'A'),
      Buffer.from('"}\nc'),
    ]);
    const cuts = Array.from({ length: 80 }, (_, i) => (i + 1) * 65_536);
    const { lines: found, maxBuffered } = lines(long, cuts, 100_000);
    expect(found.map(([number, text]) => [number, text.slice(0, 12), text.length])).toEqual([
      [1, '{"id":"a"}', 10],
      [2, '{"id":"b","i', HEAD_BYTES],
      [3, 'c', 1],
    ]);
    expect(maxBuffered).toBeLessThanOrEqual(100_000);
  });

  it('that span chunks keep none of them alive, however small they are', () => {
    const splitter = new LineSplitter(1000);
    const chunks = [...'{"id":"a"}'].map((character) => Buffer.from(character));
    for (const chunk of chunks) {
      splitter.push(chunk);
      chunk.fill(0);
    }
    expect(splitter.end()).toEqual([{ number: 1, text: Buffer.from('{"id":"a"}') }]);
  });
});
