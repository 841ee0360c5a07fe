import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameSplitter } from './frame-splitter.ts';

const segment = (code: number, payload: Uint8Array) =>
  Buffer.concat([Buffer.of(0xff, code, (payload.length + 2) >> 8, (payload.length + 2) & 255), payload]);

/** Bytes with many that would be markers outside a segment. */
const tricky = fc
  .uint8Array({ maxLength: 40 })
  .chain((bytes) =>
    fc
      .array(fc.constantFrom(0x00, 0xd8, 0xd9, 0xda, 0xff), { minLength: bytes.length, maxLength: bytes.length })
      .chain((odd) =>
        fc
          .array(fc.boolean(), { minLength: bytes.length, maxLength: bytes.length })
          .map((pick) => bytes.map((byte, i) => (pick[i] ? odd[i]! : byte))),
      ),
  );
/** Codes of markers with a segment: not those that stand alone, nor SOI, EOI, SOS and the fill byte. */
const code = fc.integer({ min: 0xc0, max: 0xfe }).filter((one) => one < 0xd0 || one > 0xda);
const headers = fc.array(
  fc.tuple(code, tricky).map(([one, payload]) => segment(one, payload)),
  { maxLength: 4 },
);
/** Coded data: an 0xFF in it is followed by a zero or is a restart marker. */
const coded = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 0xfe }).map((byte) => Buffer.of(byte)) },
      fc.constant(Buffer.of(0xff, 0x00)),
      fc.integer({ min: 0xd0, max: 0xd7 }).map((byte) => Buffer.of(0xff, byte)),
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.concat(parts));
const fill = fc.integer({ min: 0, max: 3 }).map((count) => Buffer.alloc(count, 0xff));
const scan = fc
  .tuple(headers, fill, tricky, coded)
  .map(([before, fills, header, data]) => Buffer.concat([...before, fills, segment(0xda, header), data]));
const frame = fc
  .tuple(fc.array(scan, { minLength: 1, maxLength: 3 }), fill)
  .map(([scans, fills]) => Buffer.concat([Buffer.of(0xff, 0xd8), ...scans, fills, Buffer.of(0xff, 0xd9)]));
/** Bytes between files, without a start marker. */
const noise = fc
  .uint8Array({ maxLength: 10 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0xd8 ? 0 : byte))));

/** Cuts the bytes at these places and pushes the chunks one by one. */
function split(bytes: Buffer, cuts: number[]): Buffer[] {
  const splitter = createFrameSplitter();
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((end, i) => splitter.push(bytes.subarray(places[i], end)));
}

describe('createFrameSplitter', () => {
  it('splits a stream into its frames, whole and in order, for any content and any chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(frame, noise), { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (parts, cuts) => {
          const frames = split(Buffer.concat(parts.flat()), cuts);
          expect(frames.map(String)).toEqual(parts.map(([one]) => String(one)));
          expect(frames.every((one, i) => one.equals(parts[i]![0]))).toBe(true);
        },
      ),
    );
  });

  it('splits a stream that arrives byte by byte', () => {
    fc.assert(
      fc.property(frame, (one) => {
        const splitter = createFrameSplitter();
        expect(Array.from(one).flatMap((byte) => splitter.push(Buffer.of(byte)))).toEqual([one]);
      }),
    );
  });

  it('yields no frame before its end', () => {
    fc.assert(
      fc.property(frame, fc.nat(), (one, cut) => {
        expect(split(one.subarray(0, cut % one.length), [])).toEqual([]);
      }),
    );
  });

  it('continues with the next frame after a broken one', () => {
    const whole = Buffer.concat([
      Buffer.of(0xff, 0xd8),
      segment(0xda, Buffer.of(1)),
      Buffer.of(7, 0xff, 0x00, 0xff, 0xd9),
    ]);
    const badLength = Buffer.of(0xff, 0xd8, 0xff, 0xe0, 0, 1, 9);
    const noMarker = Buffer.of(0xff, 0xd8, 0x01);
    const truncated = whole.subarray(0, -3);
    for (const broken of [badLength, noMarker, truncated])
      expect(split(Buffer.concat([broken, whole]), [])).toEqual([whole]);
  });

  it('throws when a frame exceeds the limit', () => {
    const splitter = createFrameSplitter(100);
    splitter.push(Buffer.concat([Buffer.of(0xff, 0xd8), segment(0xda, Buffer.of(1))]));
    splitter.push(Buffer.alloc(80));
    expect(() => splitter.push(Buffer.alloc(80))).toThrow('more than 100 bytes');
  });
});
