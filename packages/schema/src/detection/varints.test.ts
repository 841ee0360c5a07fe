import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VarintReader, VarintWriter } from './varints.ts';

describe('varints', () => {
  it('are read as they were written, up to 32 bits; small ones take one byte', () => {
    const unsigned = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32 - 1),
    );
    const signed = fc.oneof(fc.integer(), fc.constantFrom(0, -1, -64, 63, 64, 2 ** 31 - 1, -(2 ** 31)));
    fc.assert(
      fc.property(fc.array(fc.tuple(unsigned, signed)), (pairs) => {
        const out = new VarintWriter(10 * pairs.length);
        for (const [a, b] of pairs) {
          out.varint(a);
          out.signed(b);
        }
        const input = new VarintReader(out.written());
        for (const [a, b] of pairs) expect([input.varint(), input.signed()]).toEqual([a, b]);
        input.end();
      }),
    );
    const out = new VarintWriter(10);
    out.signed(-64);
    out.signed(63);
    expect(out.written()).toEqual(Buffer.of(127, 126));
  });

  it('refuse values and bytes out of range', () => {
    const out = new VarintWriter(10);
    for (const value of [2 ** 31, -(2 ** 31) - 1]) expect(() => out.signed(value)).toThrow(RangeError);
    for (const value of [-1, 256]) expect(() => out.byte(value)).toThrow(RangeError);
    expect(() => new VarintWriter(1).varint(128)).toThrow(RangeError);
    for (const bytes of [Buffer.alloc(9, 0xff), Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0)])
      expect(() => new VarintReader(bytes).varint()).toThrow('a number of over 32 bits');
  });
});
