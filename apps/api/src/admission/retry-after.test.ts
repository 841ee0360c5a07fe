import type { GatewayQueue, QueueFigures } from '@facequeue/queue';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pollAfterMs, retryAfter, timeToProcess } from './retry-after.ts';

const figures = (waiting: number, throughput: number): QueueFigures => ({
  waiting,
  throughput,
  processing: 0,
  oldestMs: 0,
  gapMs: 0,
});

describe('when to retry', () => {
  it('is the time that the waiting jobs take at the current throughput, from a second to a minute', () => {
    expect(timeToProcess(figures(100, 10), 1)).toBe(10_000);
    expect(timeToProcess(figures(100, 10), 0.1)).toBe(1000);
    expect(timeToProcess(figures(1, Number.MIN_VALUE), 0)).toBe(1000);
    expect(timeToProcess(figures(1, Number.MIN_VALUE), 1)).toBe(60_000);
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (waiting, rate, share) => {
          const ms = timeToProcess(figures(waiting, rate), share);
          expect(ms).toBeGreaterThanOrEqual(1000);
          expect(ms).toBeLessThanOrEqual(60_000);
        },
      ),
    );
  });

  it('is short for an accepted job of an idle queue, long for a refused call of a stalled one', async () => {
    const idle = figures(3, 0);
    const queue = { snapshot: async () => ({ queues: { interactive: idle } }) } as unknown as GatewayQueue;
    expect(await pollAfterMs(queue, 'interactive')).toBe(5000);
    expect(timeToProcess(idle, 1)).toBe(60_000);
  });

  it('is given in whole seconds, rounded up', () => {
    expect([retryAfter(1000), retryAfter(1001), retryAfter(0)]).toEqual(['1', '2', '0']);
  });
});
