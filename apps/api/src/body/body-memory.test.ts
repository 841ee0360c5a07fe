import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyMemory, type Reservation } from './body-memory.ts';

describe('the memory of request bodies', () => {
  it('never reserves more than it has, and gets all of it back', () => {
    const step = fc.record({ flow: fc.constantFrom('a', 'b', 'c'), resize: fc.nat(60), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const memory = new BodyMemory(100);
        const reservations: { reservation: Reservation; bytes: number }[] = [];
        for (const { flow, resize, release } of steps) {
          expect(memory.used).toBe(reservations.reduce((sum, { bytes }) => sum + bytes, 0));
          if (release) reservations.pop()?.reservation[Symbol.dispose]();
          else {
            const fits = memory.used + resize <= 100;
            try {
              // Refused when the flow has more than its share, as its first body may.
              const body = { reservation: memory.reserve(flow, 0), bytes: 0 };
              reservations.push(body);
              body.reservation.resize(resize);
              body.bytes = resize;
            } catch (error) {
              expect(error).toMatchObject({ code: expect.stringMatching(/^(queue_full|quota_exceeded)$/) });
              continue;
            }
            expect(fits).toBe(true);
          }
          expect(memory.used).toBeLessThanOrEqual(100);
        }
        for (const { reservation } of reservations) {
          reservation[Symbol.dispose]();
          reservation[Symbol.dispose]();
        }
        expect(memory.used).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('is taken by what has arrived, and refuses at once what does not fit now', () => {
    const memory = new BodyMemory(100);
    const announced = Array.from({ length: 50 }, () => memory.reserve('a', 20));
    expect(memory.used).toBe(0);
    for (const reservation of announced) reservation.resize(1);
    expect(memory.used).toBe(50);
    memory.reserve('b', 50);
    expect(() => memory.reserve('b', 51)).toThrow(
      expect.objectContaining({ code: 'queue_full', reason: 'bodies', retryAfterMs: 1000 }),
    );
  });

  it('leaves an eighth to others, and tells a flow that has its share so', () => {
    const memory = new BodyMemory(800);
    memory.reserve('ip:192.0.2.1', 1).resize(600);
    const second = memory.reserve('ip:192.0.2.1', 100);
    second.resize(100);
    const refused = {
      code: 'quota_exceeded',
      retryAfterMs: 1000,
      message: expect.stringContaining('the address 192.0.2.1 has'),
    };
    expect(() => second.resize(101)).toThrow(expect.objectContaining(refused));
    expect(() => memory.reserve('ip:192.0.2.1', 1)).toThrow(expect.objectContaining(refused));
    memory.reserve('shop', 87).resize(87);
    expect(memory.used).toBe(787);
    expect(() => memory.reserve('shop', 1)).toThrow(
      expect.objectContaining({ code: 'quota_exceeded', message: expect.stringContaining('the key shop has') }),
    );
  });

  it('may be filled by the only body of a flow', () => {
    const memory = new BodyMemory(100);
    const only = memory.reserve('a', 100);
    for (const bytes of [10, 90, 100]) only.resize(bytes);
    expect(() => only.resize(101)).toThrow(expect.objectContaining({ code: 'queue_full' }));
  });
});
