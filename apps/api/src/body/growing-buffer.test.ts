import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GrowingBuffer } from './growing-buffer.ts';

it('what arrives in chunks is joined, whatever their sizes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 60 }),
      (chunks, first) => {
        const whole = Buffer.concat(chunks);
        const buffer = new GrowingBuffer(whole.length, first);
        for (const chunk of chunks) buffer.append(chunk);
        expect([buffer.length, buffer.bytes]).toEqual([whole.length, whole]);
      },
    ),
  );
});

it('a buffer follows what has arrived, at most four times as large, and never exceeds what there will be', () => {
  const buffer = new GrowingBuffer(10e6);
  expect(buffer.bytes.buffer.byteLength).toBe(1 << 18);
  for (let i = 0; i < 100; i++) {
    buffer.append(new Uint8Array(1e5));
    expect(buffer.bytes.buffer.byteLength).toBeLessThanOrEqual(Math.max(1 << 18, 4 * buffer.length));
  }
  expect(buffer.bytes.buffer.byteLength).toBe(10e6);
  expect(() => buffer.append(new Uint8Array(1))).toThrow(RangeError);
  expect(new GrowingBuffer(9).bytes.buffer.byteLength).toBe(9);
});

it('a buffer that grows frees the one before at once, and the last one when it is freed', () => {
  const before = process.memoryUsage().arrayBuffers;
  const buffer = new GrowingBuffer(50e6);
  const chunk = new Uint8Array(1e6);
  for (let i = 0; i < 50; i++) buffer.append(chunk);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(55e6);
  buffer.free();
  expect(buffer.bytes).toHaveLength(0);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5e6);
});
