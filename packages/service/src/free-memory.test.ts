import { describe, expect, it } from 'vitest';
import { freeMemory } from './free-memory.ts';

describe('freeing the memory of an array', () => {
  it('returns what lies outside the heap without a collection', () => {
    const before = process.memoryUsage().arrayBuffers;
    const bytes = Buffer.allocUnsafeSlow(100e6);
    expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(90e6);
    freeMemory(bytes);
    expect(bytes).toHaveLength(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6);
  });

  it.each([
    ['from another place than its beginning', Buffer.alloc(1e6, 7).subarray(1)],
    ['to another place than its end', Buffer.alloc(1e6, 7).subarray(0, -1)],
    ['out of the pool of small ones', Buffer.from([7])],
  ])('leaves one that is cut out of a larger buffer, %s', (_, bytes) => {
    freeMemory(bytes);
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
  });

  it('does nothing the second time', () => {
    const bytes = new Uint8Array(8);
    freeMemory(bytes);
    freeMemory(bytes);
    expect(bytes).toHaveLength(0);
  });
});
