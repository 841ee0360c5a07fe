import { FacequeueError } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { isTransient, storageFailure } from './failures.ts';

/** An error as the SDK throws it. */
const thrown = (of: { name?: string; code?: string; status?: number; message?: string }) =>
  Object.assign(new Error(of.message ?? 'at 10.0.0.1'), {
    ...(of.name && { name: of.name }),
    ...(of.code && { code: of.code }),
    ...(of.status && { $metadata: { httpStatusCode: of.status } }),
  });

describe('a failed request to the object storage', () => {
  it.each([
    [{ name: 'TimeoutError' }, 'source_timeout', 'the object storage was too slow', true],
    [
      { name: 'TimeoutError', code: 'ECONNRESET' },
      'source_unreachable',
      'the connection to the object storage failed',
      true,
    ],
    [
      { name: 'TimeoutError', code: 'EPIPE' },
      'source_unreachable',
      'the connection to the object storage failed',
      true,
    ],
    [
      { name: 'CredentialsProviderError' },
      'source_forbidden',
      'no credentials for the object storage are configured',
      false,
    ],
    [
      { message: 'Region is missing' },
      'source_forbidden',
      'no region of the object storage is configured: set S3_REGION',
      false,
    ],
    [{ name: 'InvalidObjectState', status: 403 }, 'source_unreachable', 'the object is archived', false],
    [{ status: 404 }, 'source_unreachable', 'there is no such object or bucket', false],
    [
      { status: 403 },
      'source_forbidden',
      'the object storage refuses access to the object, or it does not exist',
      false,
    ],
    [{ status: 400 }, 'source_unreachable', 'the object storage answered 400', false],
    [{ status: 408 }, 'source_unreachable', 'the object storage answered 408', true],
    [{ status: 409 }, 'source_unreachable', 'the object storage answered 409', true],
    [{ status: 429 }, 'source_unreachable', 'the object storage answered 429', true],
    [{ status: 499 }, 'source_unreachable', 'the object storage answered 499', false],
    [{ status: 500 }, 'source_unreachable', 'the object storage answered 500', true],
    [{ status: 503 }, 'source_unreachable', 'the object storage answered 503', true],
    [{ status: 200 }, 'source_unreachable', 'the connection to the object storage failed', true],
    [{}, 'source_unreachable', 'the connection to the object storage failed', true],
  ])('with %j is %s: %s (transient: %s)', (of, code, message, transient) => {
    const error = thrown(of);
    const failure = storageFailure(error);
    expect(failure).toMatchObject({ code, message, cause: error });
    expect(isTransient(failure)).toBe(transient);
  });

  it('that is refused may be described by the caller', () => {
    expect(storageFailure(thrown({ status: 403 }), 'it refuses to list').message).toBe('it refuses to list');
  });

  it('that is of the catalogue already stays as it is, and may be anything else', () => {
    const error = new FacequeueError('source_forbidden', 'no');
    expect(storageFailure(error)).toBe(error);
    for (const other of [undefined, 'no']) expect(storageFailure(other)).toMatchObject({ code: 'source_unreachable' });
  });

  it('is not transient when nothing caused it, or when it is not of the catalogue', () => {
    expect(isTransient(new FacequeueError('source_unreachable', 'too large a part'))).toBe(false);
    expect(isTransient(thrown({ status: 503 }))).toBe(false);
  });
});
