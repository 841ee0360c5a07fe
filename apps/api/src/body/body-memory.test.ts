import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMemory, type Reservation } from './body-memory.ts';

describe('the memory of request bodies', () => {
  it('never reserves more than it has, and gets all of it back', () => {
    const step = fc.record({ reserve: fc.nat(60), resize: fc.nat(60), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const memory = new BodyMemory(100);
        const reservations: [Reservation, number][] = [];
        for (const { reserve, resize, release } of steps) {
          const used = reservations.reduce((sum, [, bytes]) => sum + bytes, 0);
          expect(memory.used).toBe(used);
          if (release) reservations.pop()?.[0][Symbol.dispose]();
          else if (used + reserve > 100) expect(() => memory.reserve(reserve)).toThrow(/too many/);
          else {
            const reservation = memory.reserve(reserve);
            if (used + resize > 100) expect(() => reservation.resize(resize)).toThrow(/too many/);
            else reservation.resize(resize);
            reservations.push([reservation, used + resize > 100 ? reserve : resize]);
          }
        }
        for (const [reservation] of reservations) {
          reservation[Symbol.dispose]();
          reservation[Symbol.dispose]();
        }
        expect(memory.used).toBe(0);
      }),
    );
  });

  it('tells a caller that it refuses to retry soon', () => {
    expect(() => new BodyMemory(1).reserve(2)).toThrow(
      expect.objectContaining({ code: 'queue_full', retryAfterMs: 1000 }),
    );
  });
});
