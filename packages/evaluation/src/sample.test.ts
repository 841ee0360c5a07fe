import { describe, expect, it } from 'vitest';
import { sample } from './sample.ts';

const NAMES = Array.from({ length: 40 }, (_, i) => `${i}.jpg`);
const drawn = (names: string[], count: number, seed: number) => sample(names, count, seed, (name) => name);

describe('sample', () => {
  it('draws as many as asked for, in the sequence given, the same for the same seed', () => {
    const ten = drawn(NAMES, 10, 1);
    expect(ten).toHaveLength(10);
    expect(ten).toEqual(NAMES.filter((name) => ten.includes(name)));
    expect(drawn(NAMES, 10, 1)).toEqual(ten);
    expect(drawn(NAMES, 10, 2)).not.toEqual(ten);
    expect(ten).not.toEqual(NAMES.slice(0, 10));
    expect(drawn(NAMES, 100, 1)).toEqual(NAMES);
  });

  it('keeps what it drew when others are added', () => {
    const ten = drawn(NAMES.slice(0, 30), 10, 1);
    expect(drawn(NAMES, 40, 1).filter((name) => ten.includes(name))).toEqual(ten);
    const kept = drawn(NAMES, 20, 1).filter((name) => ten.includes(name));
    expect(kept).toEqual(ten.filter((name) => kept.includes(name)));
    expect(kept.length).toBeGreaterThan(7);
  });
});
