import { readConfig } from '@facequeue/schema/config';
import { describe, expect, it } from 'vitest';
import { queueVariables } from './variables.ts';

describe("the queue's variables", () => {
  it('have working defaults', () => {
    expect(readConfig(queueVariables, {})).toEqual({
      QUEUE_PREFIX: '{fq}',
      BATCH_TTL: 86_400_000,
      MAX_WAITING_JOBS: 100_000,
      MAX_BLOB_BYTES: 1e9,
      MAX_RESULT_BYTES: 256e6,
      MAX_OLDEST: 600_000,
      RESULT_TTL: 3_600_000,
      MAX_ATTEMPTS: 5,
    });
  });

  it.each([['QUEUE_PREFIX', 'fq', 'braces']])('%s=%s is refused with what was expected', (name, value, expected) => {
    expect(() => readConfig(queueVariables, { [name]: value })).toThrow(expected);
  });
});
