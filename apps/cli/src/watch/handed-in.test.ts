import type { JobResource } from '@facequeue/client';
import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { HandedIn } from './handed-in.ts';

const never = new AbortController().signal;

/** A service of which each job ends when it is told to. */
function service() {
  const jobs = new Map<string, PromiseWithResolvers<JobResource>>();
  const jobOf = (id: string) => {
    const job = jobs.get(id) ?? Promise.withResolvers<JobResource>();
    jobs.set(id, job);
    return job;
  };
  return {
    asked: jobs,
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
  let is = false;
  void promise.then(() => (is = true));
  await new Promise(setImmediate);
  return is;
}

describe('frames that were handed in', () => {
  it('have ended when their results were told', async () => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 3);
    await handedIn.add('a', never);
    await handedIn.add('b', never);
    const all = handedIn.all(never);
    handedIn.told('b');
    expect(await settled(all)).toBe(false);
    handedIn.told('a');
    await all;
  });

  it('may be told before their job is known', async () => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 2);
    handedIn.told('a');
    await handedIn.add('a', never);
    await handedIn.all(never);
    expect(jobs.asked.size).toBe(0);
  });

  it('make the next one wait when there are too many', async () => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 2);
    await handedIn.add('a', never);
    const second = handedIn.add('b', never);
    expect(await settled(second)).toBe(false);
    handedIn.told('a');
    await second;
  });

  it.each(['canceled', 'expired'] as const)('are not waited for when they were dropped: %s', async (status) => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 2);
    await handedIn.add('a', never);
    const all = handedIn.all(never);
    jobs.end('a', status);
    await all;
  });

  it('are not waited for when nobody knows them any more', async () => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 2);
    await handedIn.add('a', never);
    const all = handedIn.all(never);
    jobs.fail('a', new FacequeueError('gone', 'erased'));
    await all;
  });

  it('are waited for until their result is told, once they have one', async () => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 2);
    await handedIn.add('a', never);
    const all = handedIn.all(never);
    jobs.end('a', 'succeeded');
    expect(await settled(all)).toBe(false);
    handedIn.told('a');
    await all;
  });

  it('keep nobody who is told to stop', async () => {
    const jobs = service();
    const handedIn = new HandedIn(jobs, 1);
    const stop = new AbortController();
    const added = handedIn.add('a', stop.signal);
    stop.abort();
    await added;
  });
});
