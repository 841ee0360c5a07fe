import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowShares } from './flow-shares.ts';

/** Lets a flow take one after another until it is refused. */
function takeAll(shares: FlowShares, flow: string) {
  let taken = 0;
  for (; shares.obstacle(flow, 1) === null; taken++) shares.add(flow, 1);
  return { taken, obstacle: shares.obstacle(flow, 1) };
}

describe('a flow', () => {
  it('alone gets all but an eighth', () => {
    expect(takeAll(new FlowShares(800), 'a')).toEqual({ taken: 700, obstacle: 'share' });
  });

  it('that comes when another has its share gets most of the rest, and so does the next', () => {
    const shares = new FlowShares(800);
    takeAll(shares, 'a');
    expect([takeAll(shares, 'b').taken, takeAll(shares, 'c').taken, takeAll(shares, 'd').taken]).toEqual([87, 11, 1]);
    expect(takeAll(shares, 'e')).toEqual({ taken: 1, obstacle: 'full' });
    expect(shares.obstacle('f', 1)).toBe('full');
  });

  it('gets no more than another that takes at the same time', () => {
    const shares = new FlowShares(800);
    const taken = { a: 0, b: 0 };
    for (let i = 0; i < 800; i++) {
      for (const flow of ['a', 'b'] as const) {
        if (shares.obstacle(flow, 1) !== null) continue;
        shares.add(flow, 1);
        taken[flow]++;
      }
    }
    expect(taken).toEqual({ a: 373, b: 373 });
  });

  it('has its share back when the others have ended', () => {
    const shares = new FlowShares(800);
    const others = takeAll(shares, 'a').taken;
    takeAll(shares, 'b');
    shares.add('a', -others);
    expect(takeAll(shares, 'b').taken).toBe(700 - 87);
  });

  it('without anything gets whatever fits, and one with more is told whose fault it is', () => {
    const shares = new FlowShares(100);
    expect(shares.obstacle('a', 100)).toBeNull();
    expect(shares.obstacle('a', 101)).toBe('full');
    shares.add('a', 60);
    expect(shares.obstacle('a', 40)).toBe('share');
    expect(shares.obstacle('a', 40, 60)).toBeNull();
    expect(shares.obstacle('b', 41)).toBe('full');
  });
});

it('whatever flows take and give back, no more is used than there is, and none has over seven times what is free', () => {
  const step = fc.record({ flow: fc.constantFrom('a', 'b', 'c', 'd'), count: fc.nat(40), back: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const shares = new FlowShares(100);
      const reserved = new Map<string, number>();
      for (const { flow, count, back } of steps) {
        const own = reserved.get(flow) ?? 0;
        const change = back ? -Math.min(own, count) : count;
        if (!back && shares.obstacle(flow, count) !== null) continue;
        shares.add(flow, change);
        reserved.set(flow, own + change);
        const used = [...reserved.values()].reduce((sum, each) => sum + each, 0);
        expect(shares.used).toBe(used);
        expect(used).toBeLessThanOrEqual(100);
        if (change > 0 && own > 0) expect(own + change).toBeLessThanOrEqual(7 * (100 - used));
      }
    }),
  );
});
