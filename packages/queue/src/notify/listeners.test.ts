import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heapAfterChurn } from '../../../../test/support/memory/churn.ts';
import { bucketOf, type Sleeper, Sleepers } from './listeners.ts';

const ids = (count: number) =>
  Array.from({ length: count }, (_, i) => `01a21b27-0f1e-71c0-a7df-${i.toString(16).padStart(12, '0')}`);

/** Few, so that many sleep on the same, and two of them in one bucket. */
const IDS = ['a', 'b', 'c', ids(20_000).find((id) => bucketOf(id) === bucketOf('a'))!];

describe('those who sleep', () => {
  it('are told of their own job, all of them, until they leave', () => {
    const move = fc.oneof(
      fc.record({ act: fc.constant('add'), id: fc.constantFrom(...IDS) }),
      fc.record({ act: fc.constant('tell'), id: fc.constantFrom(...IDS) }),
      fc.record({ act: fc.constant('remove'), which: fc.nat(5) }),
      fc.record({ act: fc.constant('tellAll') }),
    );
    fc.assert(
      fc.property(fc.array(move), (moves) => {
        const sleepers = new Sleepers();
        const here = new Map<Sleeper, { id: string; told: number; heard: number }>();
        for (const { act, ...what } of moves) {
          if (act === 'add' && 'id' in what) {
            const sleeper = sleepers.add(what.id);
            const facts = { id: what.id, told: 0, heard: 0 };
            const wake = () => facts.heard++;
            sleeper.wake = wake;
            here.set(sleeper, facts);
          }
          if (act === 'tell' && 'id' in what) {
            sleepers.tell(what.id);
            for (const facts of here.values()) if (facts.id === what.id) facts.told++;
          }
          if (act === 'tellAll') {
            sleepers.tellAll();
            for (const facts of here.values()) facts.told++;
          }
          if (act === 'remove' && 'which' in what) {
            const [sleeper, facts] = [...here][what.which] ?? [];
            if (!sleeper) continue;
            sleepers.remove(sleeper);
            // Whoever leaves is woken by it, once.
            sleepers.remove(sleeper);
            expect(facts!.heard).toBe(facts!.told + 1);
            here.delete(sleeper);
          }
          for (const { told, heard } of here.values()) expect(heard).toBe(told);
          expect(sleepers.size).toBe(here.size);
          expect(sleepers.empty).toBe(here.size === 0);
          expect(sleepers.ids.sort()).toEqual([...new Set([...here.values()].map(({ id }) => id))].sort());
        }
      }),
    );
  });

  it('spread over the buckets though their ids are much alike: of ten thousand at most 40 share one', () => {
    const sizes = new Map<number, number>();
    for (const id of ids(10_000)) sizes.set(bucketOf(id), (sizes.get(bucketOf(id)) ?? 0) + 1);
    expect(Math.max(...sizes.values())).toBeLessThan(40);
    expect(Math.max(...sizes.keys())).toBe(1023);
  });

  it('leave nothing to full collections when they have left', () => {
    expect(heapAfterChurn(new URL('testing/churned.ts', import.meta.url), 'sleepers')).toBeLessThan(15);
  });
});
