import { setImmediate as laterEvents } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SharedReads } from './shared-reads.ts';

/** Reads that answer in sequence, and how many there were. */
function counted() {
  const reads = new SharedReads<number>();
  let count = 0;
  const read = (key = 'gate') => reads.read(key, async () => ++count);
  return { read, count: () => count };
}

it('reads of one thing that begin in one turn of the event loop are one, also those of callers that other promises wake', async () => {
  const { read, count } = counted();
  const woken = Promise.resolve();
  const after = async (steps: number) => {
    for (let i = 0; i < steps; i++) await woken;
    return read();
  };
  expect(await Promise.all([read(), after(1), after(3)])).toEqual([1, 1, 1]);
  expect(count()).toBe(1);
});

it('reads of different things are not shared', async () => {
  const { read } = counted();
  expect(await Promise.all([read('gate'), read('yard'), read('gate')])).toEqual([1, 2, 1]);
});

it('a read that begins later is another one, even if the first has no reply yet: it may be about a later change', async () => {
  const reads = new SharedReads<string>();
  const slow = Promise.withResolvers<string>();
  const first = reads.read('gate', () => slow.promise);
  await laterEvents();
  expect(await reads.read('gate', async () => 'new')).toBe('new');
  slow.resolve('old');
  expect(await first).toBe('old');
});

it('a read that fails fails for those who share it, and for nobody later', async () => {
  const reads = new SharedReads<string>();
  const fail = () => reads.read('gate', () => Promise.reject(new Error('no Redis')));
  expect((await Promise.allSettled([fail(), fail()])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await laterEvents();
  expect(await reads.read('gate', async () => 'there')).toBe('there');
});
