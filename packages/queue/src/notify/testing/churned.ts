import type { Put } from '../../../../../test/support/memory/churn.ts';
import { Sleepers } from '../listeners.ts';

const them = new Sleepers();
let count = 0;

/** A sleeper that is woken to see the thing. */
export const sleepers: Put = (thing) => {
  const sleeper = them.add(`job ${count++}`);
  // As the real one: a function literal in an assignment to a member would be made in old space (V8 takes it for a method).
  const wake = () => Object.keys(thing);
  sleeper.wake = wake;
  return () => them.remove(sleeper);
};
