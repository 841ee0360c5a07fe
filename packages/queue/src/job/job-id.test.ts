import { describe, expect, it } from 'vitest';
import { jobIdTime, newJobId } from './job-id.ts';

describe('a job id', () => {
  it('contains the time it was made, and sorts by it', () => {
    const before = Date.now();
    const ids = Array.from({ length: 1000 }, newJobId);
    const after = Date.now();
    for (const id of ids) {
      expect(jobIdTime(id)).toBeGreaterThanOrEqual(before);
      expect(jobIdTime(id)).toBeLessThanOrEqual(after);
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(['', 'x', '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d', '01a2048f-c9a5-75ee-9897-6445862d50e'])(
    'is no %s',
    (text) => expect(jobIdTime(text)).toBeUndefined(),
  );
});
