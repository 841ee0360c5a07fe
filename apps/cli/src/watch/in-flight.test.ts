import type { JobResource } from '@facequeue/client';
import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { FramesInFlight } from './in-flight.ts';

const never = new AbortController().signal;

/** A service whose jobs end when the test ends them. */
function service() {
  const jobs = new Map<string, PromiseWithResolvers<JobResource>>();
  const jobOf = (id: string) => {
    const job = jobs.get(id) ?? Promise.withResolvers<JobResource>();
    jobs.set(id, job);
    return job;
  };
  return {
    waitedFor: jobs,
    end: (id: string, status: JobResource['status']) => jobOf(id).resolve({ id, status } as JobResource),
    fail: (id: string, error: Error) => jobOf(id).reject(error),
    wait: (id: string, { signal }: { signal?: AbortSignal } = {}) =>
      Promise.race([
        jobOf(id).promise,
        new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      ]),
  };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise(setImmediate);
  return done;
}

describe('FramesInFlight', () => {
  it('is empty when every result has arrived', async () => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 3);
    await inFlight.add('a', never);
    await inFlight.add('b', never);
    const all = inFlight.empty(never);
    inFlight.resultArrived('b');
    expect(await settled(all)).toBe(false);
    inFlight.resultArrived('a');
    await all;
  });

  it('accepts a result that arrives before the id of its job', async () => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 2);
    inFlight.resultArrived('a');
    await inFlight.add('a', never);
    await inFlight.empty(never);
    expect(jobs.waitedFor.size).toBe(0);
  });

  it('makes the next frame wait at the limit', async () => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 2);
    await inFlight.add('a', never);
    const second = inFlight.add('b', never);
    expect(await settled(second)).toBe(false);
    inFlight.resultArrived('a');
    await second;
  });

  it.each(['canceled', 'expired'] as const)('does not wait for a frame that was dropped: %s', async (status) => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 2);
    await inFlight.add('a', never);
    const all = inFlight.empty(never);
    jobs.end('a', status);
    await all;
  });

  it('does not wait for a frame whose job is gone', async () => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 2);
    await inFlight.add('a', never);
    const all = inFlight.empty(never);
    jobs.fail('a', new FacequeueError('gone', 'erased'));
    await all;
  });

  it('waits for the result event of a job that has one', async () => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 2);
    await inFlight.add('a', never);
    const all = inFlight.empty(never);
    jobs.end('a', 'succeeded');
    expect(await settled(all)).toBe(false);
    inFlight.resultArrived('a');
    await all;
  });

  it('stops waiting when it is aborted', async () => {
    const jobs = service();
    const inFlight = new FramesInFlight(jobs, 1);
    const stop = new AbortController();
    const added = inFlight.add('a', stop.signal);
    stop.abort();
    await added;
  });
});
