import type { JobResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Poll, waitForEnd } from './wait.ts';

/** The members of a job that waiting reads. */
const job = (ended: boolean) => ({ id: 'a', finished_at: ended ? '2026-01-01T00:00:00.000Z' : null }) as JobResource;

let times: number[];
let asked: number[];
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  times = [];
  asked = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A service: its answer to each poll, the last one repeated, and the time of each, ms. */
type Reply = { ended: boolean; afterMs?: number; retryAfter?: string } | FacequeueError | 'silence';

function service(...replies: Reply[]): Poll {
  return async (waitMs, signal) => {
    times.push(performance.now());
    asked.push(waitMs);
    const reply = (replies.length > 1 ? replies.shift() : replies[0])!;
    if (reply instanceof FacequeueError) throw reply;
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      if (reply !== 'silence') setTimeout(resolve, reply.afterMs ?? 0);
    });
    const { ended, retryAfter } = reply as Exclude<Reply, FacequeueError | string>;
    const headers = new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter });
    return { status: 200, json: job(ended), headers };
  };
}

const pauses = () => times.slice(1).map((time, i) => Math.round(time - times[i]!));

async function outcome(poll: Poll, timeoutMs = Number.POSITIVE_INFINITY): Promise<unknown> {
  const settled = waitForEnd(poll, 'a', timeoutMs, undefined).catch((error) => error);
  await vi.runAllTimersAsync();
  return settled;
}

describe('waiting for a job', () => {
  it('goes on under a time-out that is longer than a timer can run', async () => {
    const sixtyDays = 60 * 86_400_000;
    const settled = vi.fn();
    void waitForEnd(service({ ended: false, afterMs: 25_000 }), 'a', sixtyDays, undefined).catch(settled);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(settled).not.toHaveBeenCalled();
    expect(times.length).toBe(3);
  });

  it('polls again at once when the service has waited the full time', async () => {
    const poll = service({ ended: false, afterMs: 25_000 }, { ended: false, afterMs: 25_000 }, { ended: true });
    expect(await outcome(poll)).toEqual(job(true));
    expect(asked).toEqual([25_000, 25_000, 25_000]);
    expect(pauses()).toEqual([25_000, 25_000]);
  });

  it('pauses longer each time the service answers early', async () => {
    const early: Reply = { ended: false };
    await outcome(service(early, early, early, early, { ended: false, afterMs: 25_000 }, early, { ended: true }));
    expect(pauses()).toEqual([500, 1000, 2000, 4000, 25_000, 500]);
  });

  it('does not pause when the service has waited at least half of the time', async () => {
    await outcome(service({ ended: false, afterMs: 12_500 }, { ended: false, afterMs: 12_499 }, { ended: true }));
    expect(pauses()).toEqual([12_500, 12_499 + 500]);
  });

  it('pauses as long as the answer for an unfinished job asks', async () => {
    await outcome(service({ ended: false, retryAfter: '90' }, { ended: false, retryAfter: '0' }, { ended: true }));
    expect(pauses()).toEqual([90_000, 1000]);
  });

  it('treats a silent connection as broken', async () => {
    expect(await outcome(service('silence', { ended: true }))).toEqual(job(true));
    expect(pauses()).toEqual([40_500]);
  });

  it('never waits past its time limit, and then names the job', async () => {
    const failure = await outcome(service({ ended: false, afterMs: 25_000 }, 'silence'), 40_000);
    expect(failure).toMatchObject({ code: 'wait_timeout', jobId: 'a' });
    expect(asked).toEqual([25_000, 15_000]);
    expect(performance.now() - times[0]!).toBe(40_000);
  });

  it('survives repeated outages of a service that answers in between', async () => {
    const away = new FacequeueError('unavailable', 'away');
    const flapping = Array.from({ length: 20 }, (): Reply[] => [away, { ended: false }]).flat();
    expect(await outcome(service(...flapping, { ended: true }))).toEqual(job(true));
    expect(await outcome(service(away))).toBe(away);
  });

  it('leaves no timer', async () => {
    void waitForEnd(service({ ended: true }), 'a', 1e6, undefined);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
