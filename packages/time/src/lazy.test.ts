import { expect, it, vi } from 'vitest';
import { lazy } from './lazy.ts';

it('loads at the first call, once, and knows whether it has', async () => {
  const load = vi.fn(async () => 'made');
  const get = lazy(load);
  expect(load).not.toHaveBeenCalled();
  expect(get.loaded).toBeUndefined();
  expect(await Promise.all([get(), get()])).toEqual(['made', 'made']);
  expect(await get.loaded).toBe('made');
  expect(load).toHaveBeenCalledTimes(1);
});
