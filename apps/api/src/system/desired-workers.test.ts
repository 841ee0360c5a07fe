import type { QueueFigures, WorkerInfo } from '@facequeue/queue';
import { QUEUE_NAMES, type WorkerQueueName } from '@facequeue/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Capacity, desiredWorkers, MAX_GROWTH, MAX_LOAD, serving } from './desired-workers.ts';

const figures = (more: Partial<QueueFigures> = {}): QueueFigures => ({
  waiting: 0,
  processing: 0,
  oldestMs: 0,
  throughput: 0,
  gapMs: 0,
  ...more,
});
const capacity = (workers: number, share = 0): Capacity => ({
  workers,
  engines: 2 * workers,
  busy: 2 * workers * share,
  fetching: 0,
});

const anyQueue = fc.constantFrom(...QUEUE_NAMES);
const anyFigures = fc.record({
  waiting: fc.nat(1_000_000),
  processing: fc.nat(1000),
  oldestMs: fc.nat(3_600_000),
  throughput: fc.double({ min: 0, max: 10_000, noNaN: true }),
  gapMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
});
/** At least one worker, with engines, some of them busy. */
const anyStaff = fc
  .tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 64 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(
    ([workers, each, share]): Capacity => ({
      workers,
      engines: workers * each,
      busy: workers * each * share,
      fetching: 0,
    }),
  );

describe('the workers a queue needs', () => {
  it('are twice the present ones when callers would wait far too long', () => {
    expect(desiredWorkers('interactive', figures({ waiting: 300, throughput: 30 }), capacity(3, 1))).toBe(6);
  });

  it('do not grow for jobs whose images are still on their way', () => {
    const waiting = figures({ waiting: 300, throughput: 30 });
    expect(desiredWorkers('interactive', waiting, { ...capacity(3, 0.1), fetching: 300 })).toBe(1);
    expect(desiredWorkers('interactive', waiting, { ...capacity(3, 0.1), fetching: 400 })).toBe(1);
    expect(desiredWorkers('interactive', waiting, { ...capacity(4, 0.1), fetching: 210 })).toBe(6);
  });

  it('grow in proportion to the estimated wait', () => {
    // Three seconds of work; the target is two.
    expect(desiredWorkers('interactive', figures({ waiting: 90, throughput: 30 }), capacity(4, 0.5))).toBe(6);
    // A backlog of 15 minutes; the target is 10.
    expect(desiredWorkers('bulk', figures({ waiting: 27_000, gapMs: 1000 / 30 }), capacity(4, 1))).toBe(6);
  });

  it('are fewer when engines are idle, and no fewer when they have just enough room', () => {
    expect(desiredWorkers('interactive', figures({ throughput: 5 }), capacity(10, 0.14))).toBe(2);
    expect(desiredWorkers('interactive', figures({ throughput: 5 }), capacity(10, 0.7))).toBe(10);
    expect(desiredWorkers('interactive', figures({ throughput: 5 }), capacity(10, 0.77))).toBe(11);
  });

  it('do not grow for a burst after an idle hour that is processed in a moment', () => {
    const burst = figures({ waiting: 20, throughput: 0.001, gapMs: 25 });
    expect(desiredWorkers('interactive', burst, capacity(2, 0.1))).toBe(1);
  });

  it('are one where there is none, because its throughput is unknown', () => {
    const none = { workers: 0, engines: 0, busy: 0, fetching: 0 };
    for (const queue of QUEUE_NAMES) expect(desiredWorkers(queue, figures({ waiting: 1000 }), none)).toBe(1);
  });

  it('are always a whole number from 1 to twice the present ones', () => {
    fc.assert(
      fc.property(anyQueue, anyFigures, anyStaff, (queue, seen, there) => {
        const desired = desiredWorkers(queue, seen, there);
        expect(Number.isInteger(desired)).toBe(true);
        expect(desired).toBeGreaterThanOrEqual(1);
        expect(desired).toBeLessThanOrEqual(MAX_GROWTH * there.workers);
      }),
    );
  });

  it('never decrease because more jobs wait or engines are busier', () => {
    fc.assert(
      fc.property(
        anyQueue,
        anyFigures,
        anyStaff,
        fc.nat(10_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (queue, seen, there, more, share) => {
          const before = desiredWorkers(queue, seen, there);
          expect(desiredWorkers(queue, { ...seen, waiting: seen.waiting + more }, there)).toBeGreaterThanOrEqual(
            before,
          );
          const busier = there.busy + (there.engines - there.busy) * share;
          expect(desiredWorkers(queue, seen, { ...there, busy: busier })).toBeGreaterThanOrEqual(before);
        },
      ),
    );
  });

  it('never increase while nothing waits and engines have room', () => {
    fc.assert(
      fc.property(anyQueue, anyFigures, anyStaff, (queue, seen, there) => {
        const calm = { ...there, busy: Math.min(there.busy, there.engines * MAX_LOAD) };
        expect(desiredWorkers(queue, { ...seen, waiting: 0 }, calm)).toBeLessThanOrEqual(there.workers);
      }),
    );
  });
});

describe('the workers that serve a queue', () => {
  it('are those dedicated to it and those that serve all queues', () => {
    const worker = (queues: WorkerQueueName[], engines: number, load: number): WorkerInfo => ({
      id: '',
      version: '',
      device: 'cpu',
      models: null,
      engines,
      queues,
      busy: 0,
      load,
      startedAt: 0,
    });
    const all: WorkerInfo[] = [
      { ...worker(['bulk'], 4, 1), fetching: { bulk: 4 } },
      { ...worker(['interactive', 'bulk', 'cameras', 'webhooks'], 2, 0.5), fetching: { interactive: 2, bulk: 3 } },
      worker(['webhooks'], 0, 0),
    ];
    expect(serving('bulk', all)).toEqual({ workers: 2, engines: 6, busy: 5, fetching: 7 });
    expect(serving('interactive', all)).toEqual({ workers: 1, engines: 2, busy: 1, fetching: 2 });
  });
});
