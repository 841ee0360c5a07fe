import { isFacequeueError } from '@facequeue/schema';
import { forbidden, timedOut, unreachable } from '../errors.ts';

/**
 * The error of the catalogue for a failed request of the SDK. 403 is `source_forbidden`: S3 answers it for missing rights, for
 * wrong credentials and, to callers who may not list the bucket, for objects that do not exist.
 * @param refused the text for a 403
 */
export function storageFailure(
  error: unknown,
  refused = 'the object storage refuses access to the object, or it does not exist',
): Error {
  if (isFacequeueError(error)) return error;
  const name = error instanceof Error ? error.name : '';
  const status = statusOf(error);
  // The SDK also reports a connection closed by the other side as a time-out.
  const cut = /^(ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException | undefined)?.code ?? '');
  if (name === 'TimeoutError' && !cut) return timedOut('the object storage was too slow', error);
  if (name === 'CredentialsProviderError')
    return forbidden('no credentials for the object storage are configured', error);
  if (error instanceof Error && error.message === 'Region is missing')
    return forbidden('no region of the object storage is configured: set S3_REGION', error);
  if (name === 'InvalidObjectState') return unreachable('the object is archived', error);
  if (status === 404) return unreachable('there is no such object or bucket', error);
  if (status === 403) return forbidden(refused, error);
  if (status !== undefined && status !== 200) return unreachable(`the object storage answered ${status}`, error);
  return unreachable('the connection to the object storage failed', error);
}

/** HTTP status of the object storage's answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

/**
 * Whether the same request may succeed later: the object storage was too slow, unreachable, busy or failing. A status of 200
 * means that the answer broke off, 409 that two writers raced.
 * @param error from an `ObjectLister` or `ObjectWriter`
 * @example
 * await retry(() => lister.page(prefix, suffixes, after, 1000), { retryable: isTransient, delayMs: backoff, signal });
 */
export function isTransient(error: unknown): boolean {
  if (!isFacequeueError(error)) return false;
  if (error.code === 'source_timeout') return true;
  if (error.code !== 'source_unreachable' || error.cause === undefined) return false;
  const status = statusOf(error.cause) ?? 200;
  return [200, 408, 409, 429].includes(status) || status >= 500;
}
