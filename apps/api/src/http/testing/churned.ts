import type { Put } from '../../../../../test/support/memory/churn.ts';
import { UnorderedSet } from '../unordered-set.ts';

const things = new UnorderedSet<object>();
export const unordered: Put = (thing) => things.add(thing);

const others = new Set<object>();
/** What an UnorderedSet replaces. */
export const set: Put = (thing) => {
  others.add(thing);
  return () => void others.delete(thing);
};
