import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE, ERROR_CODES, FacequeueError, isFacequeueError, toProblem } from './errors.ts';

describe('the error catalogue', () => {
  it('has an HTTP error status, a title, a reason and an action for every code', () => {
    for (const code of ERROR_CODES) {
      const entry = ERROR_CATALOGUE[code];
      expect(entry.status, code).toBeGreaterThanOrEqual(400);
      expect(entry.title && entry.when, code).toBeTruthy();
      expect(entry.action, code).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('lets a caller repeat the same request only after a lack of time, room or reach, or an error of ours', () => {
    expect(ERROR_CODES.filter((code) => ERROR_CATALOGUE[code].retryable).sort()).toEqual([
      'expired',
      'internal_error',
      'queue_full',
      'quota_exceeded',
      'request_timeout',
      'source_timeout',
      'unavailable',
      'wait_timeout',
    ]);
  });

  it('makes a problem body that names the job when there is one', () => {
    expect(toProblem('queue_full', 'too many jobs are waiting')).toEqual({
      type: 'urn:facequeue:error:queue_full',
      title: 'Queue full',
      status: 503,
      detail: 'too many jobs are waiting',
      code: 'queue_full',
    });
    expect(toProblem('wait_timeout', 'the job continues', 'j1').job_id).toBe('j1');
  });

  it('has a cause only where there is one, and the entry of its code', () => {
    const cause = new Error('x');
    expect(new FacequeueError('gone', 'x', { cause }).cause).toBe(cause);
    expect(Object.hasOwn(new FacequeueError('gone', 'x'), 'cause')).toBe(false);
    expect(new FacequeueError('gone', 'x').entry).toBe(ERROR_CATALOGUE.gone);
  });

  it('distinguishes its own errors from others', () => {
    expect(isFacequeueError(new FacequeueError('gone', 'x'))).toBe(true);
    expect(isFacequeueError(new Error('x'))).toBe(false);
    // Errors of another copy of this module count.
    expect(isFacequeueError(Object.assign(new Error('x'), { name: 'FacequeueError', code: 'gone' }))).toBe(true);
    const odd = [
      Object.assign(new Error('x'), { code: 'ENOENT' }),
      Object.assign(new Error('x'), { name: 'FacequeueError' }),
    ];
    for (const other of [...odd, 'gone', null, undefined, { name: 'FacequeueError', code: 'gone' }])
      expect(isFacequeueError(other)).toBe(false);
  });
});
