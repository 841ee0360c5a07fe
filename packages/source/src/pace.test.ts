import { Deadline } from '@facequeue/time';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchPace } from './pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const watched = (bytes: number) => {
  const deadline = new Deadline({ ms: Number.POSITIVE_INFINITY, onTimeout: () => new Error('never') });
  return { deadline, pace: watchPace(deadline, { bytes, windowMs: 1000 }, 'image host') };
};

it('a body may take any time while each window brings enough', () => {
  const { deadline, pace } = watched(100);
  for (let i = 0; i < 50; i++) {
    vi.advanceTimersByTime(400);
    pace.arrived(50);
  }
  expect(deadline.signal.aborted).toBe(false);
  vi.advanceTimersByTime(999);
  expect(deadline.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(deadline.signal.reason).toMatchObject({
    code: 'source_timeout',
    message: 'the image host sent less than 100 bytes of the image in 1 s',
  });
});

it('what arrives in one window does not count for the next', () => {
  const { deadline, pace } = watched(100);
  pace.arrived(5000);
  vi.advanceTimersByTime(900);
  pace.arrived(99);
  vi.advanceTimersByTime(100);
  expect(deadline.signal.aborted).toBe(true);
});

it('a body that has ended, or has no least speed, is not watched', () => {
  const { deadline, pace } = watched(100);
  pace[Symbol.dispose]();
  using _none = watched(0).pace;
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(5000);
  expect(deadline.signal.aborted).toBe(false);
});
