import { describe, expect, it } from 'vitest';
import { type Box, difference, overlap } from './same-faces.ts';

const box = (x: number, y = 0, side = 100): Box => ({ x, y, width: side, height: side });

describe('the overlap of two boxes', () => {
  it('is the area that both cover, as a share of what either covers', () => {
    expect(overlap(box(0), box(0))).toBe(1);
    expect(overlap(box(0), box(50))).toBeCloseTo(1 / 3);
    expect(overlap(box(0), box(100))).toBe(0);
    expect(overlap(box(0), box(500, 500))).toBe(0);
  });
});

describe('faces that a program found', () => {
  it('are the same in any sequence, with boxes that differ a little', () => {
    expect(difference([box(500, 5), box(10)], [box(0), box(500)])).toBeNull();
    expect(difference([], [])).toBeNull();
  });

  it('differ when one is missing or too many', () => {
    expect(difference([box(0)], [box(0), box(500)])).toBe('finds 1 faces of 2');
    expect(difference([box(0), box(500), box(900)], [box(0), box(500)])).toBe('finds 3 faces of 2');
  });

  it('differ when one is elsewhere, and when one face was found twice', () => {
    expect(difference([box(0), box(700, 20)], [box(0), box(500)])).toBe('finds a face at 700, 20 where there is none');
    expect(difference([box(0), box(5)], [box(0), box(500)])).toBe('finds a face at 5, 0 where there is none');
  });
});
