import { describe, expect, it } from 'vitest';
import { Interrupts } from './interrupts.ts';

describe('Interrupts', () => {
  it('counts two signals within half a second as one Ctrl-C, as npm forwards it, and kills on a later one', () => {
    const interrupts = new Interrupts();
    expect(interrupts.onSignal('SIGINT', 1000)).toBe('stop');
    expect(interrupts.onSignal('SIGINT', 1002)).toBeNull();
    expect(interrupts.onSignal('SIGINT', 1499)).toBeNull();
    expect(interrupts.onSignal('SIGINT', 1500)).toBe('kill');
  });

  it('kills on Ctrl-C after a SIGTERM, but not on a second SIGTERM', () => {
    const interrupts = new Interrupts();
    expect(interrupts.onSignal('SIGTERM', 0)).toBe('stop');
    expect(interrupts.onSignal('SIGTERM', 5000)).toBeNull();
    expect(interrupts.onSignal('SIGHUP', 6000)).toBeNull();
    expect(interrupts.onSignal('SIGINT', 7000)).toBe('kill');
  });
});
