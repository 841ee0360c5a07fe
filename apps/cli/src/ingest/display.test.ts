import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Counts, type DisplayKind, startDisplay } from './display.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Erases what stands behind it on a line. */
const TO_END = '\x1b[K';

/** Shows 10 images a second of 100 for as long, and what was written. */
function shown(kind: DisplayKind, seconds: number): string {
  const counts: Counts = { done: 0, failed: 0, total: 100 };
  let text = '';
  const screen = { columns: 60, write: (more: string) => (text += more) };
  {
    using display = startDisplay(kind, () => counts, screen);
    for (let second = 0; second < seconds; second++) {
      vi.advanceTimersByTime(1000);
      counts.done += 10;
    }
    display.say('a word');
    display.end('the end', 'done');
  }
  expect(vi.getTimerCount()).toBe(0);
  return text;
}

describe('progress', () => {
  it('is a bar that is drawn over itself, and makes room for what is said', () => {
    const text = shown('bar', 6);
    const drawings = text.split(`${TO_END}`).flatMap((part) => part.split('\r')[1] || []);
    expect(drawings).toHaveLength(30);
    expect(drawings[29]).toMatch(/^\[#+ +\] {2}50\/100 {2}50 % {2}8\.3\/s {2}6 s left$/);
    for (const drawing of drawings) expect(drawing.length).toBeLessThanOrEqual(59);
    expect(text.endsWith(`\r${TO_END}a word\nthe end\n`)).toBe(true);
  });

  it('is a line now and then where there is no terminal', () => {
    expect(shown('lines', 11)).toBe('40/100  40 %  8.0/s  8 s left\n90/100  90 %  9.0/s  2 s left\na word\nthe end\n');
  });

  it('is JSON for programs', () => {
    const lines = shown('json', 6).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { done: 40, failed: 0, total: 100, per_second: 8, elapsed_s: 5, remaining_s: 8 },
      { message: 'a word' },
      { done: 60, failed: 0, total: 100, per_second: 10, elapsed_s: 6, remaining_s: 4, ended: 'done' },
    ]);
  });

  it('is nothing for those who want none', () => {
    expect(shown('none', 11)).toBe('a word\nthe end\n');
  });
});
