import { describe, expect, it, vi } from 'vitest';
import { retry } from './retry.ts';

const failing = (times: number) => {
  let left = times;
  return vi.fn(async () => {
    if (left-- > 0) throw new Error(`failure ${times - left}`);
    return 'done';
  });
};

describe('retry', () => {
  it('repeats until an attempt succeeds, with the delays it is given', async () => {
    const attempt = failing(3);
    const delays: number[] = [];
    const done = await retry(attempt, {
      retryable: () => true,
      delayMs: (failures) => failures,
      onRetry: (_, failures, ms) => delays.push(failures, ms),
    });
    expect(done).toBe('done');
    expect(attempt).toHaveBeenCalledTimes(4);
    expect(delays).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it('throws the original error when another attempt cannot help or would be too late', async () => {
    await expect(retry(failing(9), { retryable: (_, failures) => failures < 3, delayMs: () => 0 })).rejects.toThrow(
      'failure 3',
    );
    await expect(retry(failing(9), { retryable: () => true, delayMs: () => null })).rejects.toThrow('failure 1');
  });

  it('makes no attempt after the signal has aborted', async () => {
    const attempt = failing(0);
    const signal = AbortSignal.abort(new Error('stopping'));
    await expect(retry(attempt, { retryable: () => true, delayMs: () => 0, signal })).rejects.toThrow('stopping');
    expect(attempt).not.toHaveBeenCalled();
  });

  it('rejects with the signal’s reason when it aborts during a pause or an attempt', async () => {
    const paused = new AbortController();
    const inPause = retry(failing(9), { retryable: () => true, delayMs: () => 60_000, signal: paused.signal });
    setTimeout(() => paused.abort(new Error('in a pause')));
    await expect(inPause).rejects.toThrow('in a pause');

    const busy = new AbortController();
    const inAttempt = retry(
      async (signal) => {
        busy.abort(new Error('in an attempt'));
        if (signal?.aborted) throw new Error('socket closed');
      },
      { retryable: () => true, delayMs: () => 0, signal: busy.signal },
    );
    await expect(inAttempt).rejects.toThrow('in an attempt');
  });
});
