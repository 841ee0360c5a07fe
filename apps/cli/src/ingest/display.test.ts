import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Counts, type DisplayKind, startDisplay } from './display.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Erases the rest of a line. */
const TO_END = '\x1b[K';

/** Shows 10 of 100 images a second for this long. @returns all output */
function outputOf(kind: DisplayKind, seconds: number): string {
  const counts: Counts = { done: 0, failed: 0, total: 100 };
  let text = '';
  const screen = { columns: 60, write: (more: string) => (text += more) };
  {
    using display = startDisplay(kind, () => counts, screen);
    for (let second = 0; second < seconds; second++) {
      vi.advanceTimersByTime(1000);
      counts.done += 10;
    }
    display.message('a word');
    display.finish('the end', 'done');
  }
  expect(vi.getTimerCount()).toBe(0);
  return text;
}

describe('progress', () => {
  it('is a bar that is redrawn in place and makes room for messages', () => {
    const text = outputOf('bar', 6);
    const drawings = text.split(`${TO_END}`).flatMap((part) => part.split('\r')[1] || []);
    expect(drawings).toHaveLength(30);
    expect(drawings[29]).toMatch(/^\[#+ +\] {2}50\/100 {2}50 % {2}8\.3\/s {2}6 s left$/);
    for (const drawing of drawings) expect(drawing.length).toBeLessThanOrEqual(59);
    expect(text.endsWith(`\r${TO_END}a word\nthe end\n`)).toBe(true);
  });

  it('is a line every 5 s where there is no terminal', () => {
    expect(outputOf('lines', 11)).toBe(
      '40/100  40 %  8.0/s  8 s left\n90/100  90 %  9.0/s  2 s left\na word\nthe end\n',
    );
  });

  it('is JSON for programs', () => {
    const lines = outputOf('json', 6).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { done: 40, failed: 0, total: 100, per_second: 8, elapsed_s: 5, remaining_s: 8 },
      { message: 'a word' },
      { done: 60, failed: 0, total: 100, per_second: 10, elapsed_s: 6, remaining_s: 4, ended: 'done' },
    ]);
  });

  it('is nothing with --quiet', () => {
    expect(outputOf('none', 11)).toBe('a word\nthe end\n');
  });
});
