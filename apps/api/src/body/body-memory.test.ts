import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMemory, type Lease } from './body-memory.ts';

describe('the memory of request bodies', () => {
  it('never lends more than it has, and gets all of it back', () => {
    const step = fc.record({ take: fc.nat(60), keep: fc.nat(60), drop: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const bodyMemory = new BodyMemory(100);
        const leases: [Lease, number][] = [];
        for (const { take, keep, drop } of steps) {
          const held = leases.reduce((sum, [, bytes]) => sum + bytes, 0);
          expect(bodyMemory.used).toBe(held);
          if (drop) leases.pop()?.[0][Symbol.dispose]();
          else if (held + take > 100) expect(() => bodyMemory.take(take)).toThrow(/too many/);
          else {
            const lease = bodyMemory.take(take);
            if (held + keep > 100) expect(() => lease.keep(keep)).toThrow(/too many/);
            else lease.keep(keep);
            leases.push([lease, held + keep > 100 ? take : keep]);
          }
        }
        for (const [lease] of leases) {
          lease[Symbol.dispose]();
          lease[Symbol.dispose]();
        }
        expect(bodyMemory.used).toBe(0);
      }),
    );
  });

  it('tells a caller it refuses to come back soon', () => {
    expect(() => new BodyMemory(1).take(2)).toThrow(
      expect.objectContaining({ code: 'queue_full', retryAfterMs: 1000 }),
    );
  });
});
