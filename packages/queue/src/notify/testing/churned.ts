import type { Put } from '../../../../../test/support/memory/churn.ts';
import { Listeners } from '../listeners.ts';

const them = new Listeners();
let count = 0;

/** A listener that is woken to see the thing. */
export const listeners: Put = (thing) => {
  const listener = them.add(`job ${count++}`);
  // As the real one: a function literal in an assignment to a member would be made in old space (V8 takes it for a method).
  const wake = () => Object.keys(thing);
  listener.wake = wake;
  return () => them.remove(listener);
};
