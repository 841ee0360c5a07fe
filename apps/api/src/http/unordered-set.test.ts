import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heapAfterChurn } from '../../../../test/support/memory/churn.ts';
import { UnorderedSet } from './unordered-set.ts';

describe('an unordered set', () => {
  it('contains what was added and not removed, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(9), { nil: null })), (moves) => {
        const set = new UnorderedSet<number>();
        const inside = new Map<number, () => void>();
        moves.forEach((move, value) => {
          // A number removes the entry at that position, twice.
          if (move === null) inside.set(value, set.add(value));
          else {
            const [taken, out] = [...inside][move] ?? [];
            out?.();
            out?.();
            if (taken !== undefined) inside.delete(taken);
          }
          expect([...set].sort()).toEqual([...inside.keys()].sort());
        });
      }),
    );
  });

  it('is iterated as it was when the iteration began', () => {
    const set = new UnorderedSet<string>();
    const outs = ['a', 'b', 'c'].map((value) => set.add(value));
    const seen: string[] = [];
    for (const value of set) {
      seen.push(value);
      for (const out of outs) out();
      set.add(value);
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('does not retain removed values until a full collection, as a Set does', () => {
    const module = new URL('testing/churned.ts', import.meta.url);
    expect(heapAfterChurn(module, 'unordered')).toBeLessThan(10);
    // If V8 frees these one day, a Set will do.
    expect(heapAfterChurn(module, 'set')).toBeGreaterThan(50);
  });
});
