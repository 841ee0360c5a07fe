import { describe, expect, it } from 'vitest';
import { Interrupts, SAME_PRESS_MS } from './interrupts.ts';

describe('signals to serve', () => {
  it('take one Ctrl-C for one, although npm passes it on a second time', () => {
    const interrupts = new Interrupts();
    expect(interrupts.asked('SIGINT', 1000)).toBe('stop');
    expect(interrupts.asked('SIGINT', 1002)).toBeNull();
    expect(interrupts.asked('SIGINT', 1000 + SAME_PRESS_MS)).toBe('kill');
  });

  it('end it at once by Ctrl-C after a SIGTERM, but not by a second SIGTERM', () => {
    const interrupts = new Interrupts();
    expect(interrupts.asked('SIGTERM', 0)).toBe('stop');
    expect(interrupts.asked('SIGTERM', 5000)).toBeNull();
    expect(interrupts.asked('SIGHUP', 6000)).toBeNull();
    expect(interrupts.asked('SIGINT', 7000)).toBe('kill');
  });
});
