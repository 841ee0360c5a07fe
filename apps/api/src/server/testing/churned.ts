import type { Put } from '../../../../../test/support/memory/churn.ts';
import { Bag } from '../bag.ts';

const things = new Bag<object>();
export const bag: Put = (thing) => things.add(thing);

const others = new Set<object>();
/** What a Bag is used instead of. */
export const set: Put = (thing) => {
  others.add(thing);
  return () => void others.delete(thing);
};
