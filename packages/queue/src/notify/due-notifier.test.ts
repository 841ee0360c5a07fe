import type { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { DueNotifier } from './due-notifier.ts';

it('listeners are notified until they are removed, and Redis is asked only while there are any and work exists', async () => {
  const exists = vi.fn(async (_key: string) => 0);
  const due = new DueNotifier({ exists } as unknown as Redis, 'work');
  await due.notifyIfAny();
  expect(exists).not.toHaveBeenCalled();
  const [one, two] = [vi.fn(), vi.fn()];
  const removeOne = due.add(one);
  const removeTwo = due.add(two);
  due.notify();
  await due.notifyIfAny();
  expect(exists.mock.calls).toEqual([['work']]);
  expect([one.mock.calls.length, two.mock.calls.length]).toEqual([1, 1]);
  exists.mockResolvedValue(1);
  await due.notifyIfAny();
  expect([one.mock.calls.length, two.mock.calls.length]).toEqual([2, 2]);
  removeOne();
  await due.notifyIfAny();
  expect([one.mock.calls.length, two.mock.calls.length]).toEqual([2, 3]);
  removeTwo();
  due.notify();
  await due.notifyIfAny();
  expect([one.mock.calls.length, two.mock.calls.length, exists.mock.calls.length]).toEqual([2, 3, 3]);
});
