import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter } from './lines.ts';

/** Text in UTF-8, cut at arbitrary bytes. */
const cutBytes = (text: string, cuts: number[]) => {
  const bytes = new TextEncoder().encode(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
};

describe('lines of a stream', () => {
  it('are the same however the bytes are cut, and an unfinished line is not returned', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 }).map((line) => line.replaceAll(/[\r\n]/g, ''));
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 8 }),
        text,
        fc.constantFrom('\n', '\r\n'),
        fc.array(fc.nat(), { maxLength: 12 }),
        (lines, rest, end, cuts) => {
          const splitter = createLineSplitter();
          const bytes = cutBytes(lines.map((line) => line + end).join('') + rest, cuts);
          // A decoder drops a byte order mark.
          const [first, ...others] = lines;
          const expected = first === undefined ? [] : [first.replace(/^\ufeff/, ''), ...others];
          expect(bytes.flatMap((part) => splitter.push(part))).toEqual(expected);
        },
      ),
    );
  });

  it('may have the most characters and not one more, in however many parts they come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(), { maxLength: 5 }), (most, cuts) => {
        const push = (length: number) => {
          const splitter = createLineSplitter(most);
          return cutBytes('x'.repeat(length), cuts).flatMap((part) => splitter.push(part));
        };
        expect(push(most)).toEqual([]);
        expect(() => push(most + 1)).toThrow(expect.objectContaining({ code: 'internal_error' }));
        // The length starts again with each line.
        const splitter = createLineSplitter(most);
        const line = 'x'.repeat(most);
        for (let i = 0; i < 3; i++)
          expect(cutBytes(`${line}\n`, cuts).flatMap((part) => splitter.push(part))).toEqual([line]);
      }),
    );
  });

  it('are refused when one is too long', () => {
    const splitter = createLineSplitter(10);
    const part = new TextEncoder().encode('12345');
    expect(splitter.push(new TextEncoder().encode('123456789\n'))).toEqual(['123456789']);
    splitter.push(part);
    splitter.push(part);
    expect(() => splitter.push(part)).toThrow(expect.objectContaining({ code: 'internal_error' }));
  });

  it('may have 128 million characters and not one more, unless another limit is given', () => {
    const splitter = createLineSplitter();
    const part = Buffer.alloc(1 << 20, 'x');
    for (let i = 0; i < 128; i++) expect(splitter.push(part)).toEqual([]);
    expect(() => splitter.push(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'internal_error' }));
  });
});
