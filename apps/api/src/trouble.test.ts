import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { throttleErrors } from './trouble.ts';

describe('background trouble', () => {
  it('is told once in a while, however often it happens', () => {
    const lines: { err: { message: string } }[] = [];
    let now = 0;
    const tell = throttleErrors(pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }), () => now);
    for (now = 0; now <= 60_000; now += 1000) {
      tell(new Error('connection refused'));
      if (now === 5000) tell(new Error('something else'));
    }
    expect(lines.map(({ err }) => err.message)).toEqual([
      'connection refused',
      'something else',
      'connection refused',
      'connection refused',
    ]);
  });
});
