import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { computedDelays } from './computed-delays.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

/** Source files of apps and packages without their tests. */
const PRODUCT = globSync('{apps,packages}/*/src/**/*.ts', { cwd: ROOT }).filter(
  (path) => !/\.test\.ts$|\/(testing|conformance)\//.test(path),
);
/** Made for delays of any length. */
const TIMER = 'packages/time/src/timer.ts';

describe('timers with a computed delay', () => {
  it('are made by packages/time alone', () => {
    expect(PRODUCT.length).toBeGreaterThan(300);
    const found = PRODUCT.flatMap((path) =>
      computedDelays(readFileSync(ROOT + path, 'utf8')).map((name) => `${path}: ${name}`),
    );
    expect([...new Set(found)]).toEqual([`${TIMER}: setTimeout`]);
  });

  it.each([
    ['setTimeout(wake, waitMs)', 'setTimeout'],
    ['const timer = setTimeout(() => end(), config.GRACE + MARGIN_MS);', 'setTimeout'],
    ['globalThis.setTimeout(wake, 1000 * seconds)', 'setTimeout'],
    ['setInterval(poll, quick ? FAST_MS : slowMs)', 'setInterval'],
    ['class A { #a = () => fetch(url, { signal: AbortSignal.timeout(this.ms) }); }', 'AbortSignal.timeout'],
    ["import * as timers from 'timers';", 'timers'],
    ["import { setTimeout as delay } from 'node:timers/promises';", 'node:timers/promises'],
  ])('are found in %s', (source, name) => {
    expect(computedDelays(source)).toEqual([name]);
  });

  it.each([
    'setTimeout(wake, 5000)',
    'setTimeout(wake)',
    'setInterval(poll, quick ? FAST_MS : SLOW_MS)',
    'AbortSignal.timeout(GRACE_MS + 1000)',
    'socket.setTimeout(idleMs)',
    'startTimer(waitMs, wake)',
    "import { setImmediate as next } from 'node:timers/promises';",
  ])('are not seen in %s', (source) => {
    expect(computedDelays(source)).toEqual([]);
  });
});
