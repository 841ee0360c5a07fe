import { isFacequeueError } from '@facequeue/schema';
import { forbidden, timedOut, unreachable } from '../errors.ts';

/**
 * The catalogue's error for what the SDK was rejected with. 403 is `source_forbidden`: S3 says it for missing rights,
 * wrong credentials and, to who may not list the bucket, for objects that do not exist.
 * @param refused the text for it
 */
export function storageFailure(
  error: unknown,
  refused = 'The object storage refuses access to the object, or it does not exist.',
): Error {
  if (isFacequeueError(error)) return error;
  const name = error instanceof Error ? error.name : '';
  const status = statusOf(error);
  // The SDK calls a connection that the other side ended a time-out too.
  const cut = /^(ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException | undefined)?.code ?? '');
  if (name === 'TimeoutError' && !cut) return timedOut('The object storage was too slow.', error);
  if (name === 'CredentialsProviderError')
    return forbidden('No credentials for the object storage are configured.', error);
  if (error instanceof Error && error.message === 'Region is missing')
    return forbidden('No region of the object storage is configured: set S3_REGION.', error);
  if (name === 'InvalidObjectState') return unreachable('The object is archived.', error);
  if (status === 404) return unreachable('There is no such object or bucket.', error);
  if (status === 403) return forbidden(refused, error);
  if (status !== undefined && status !== 200) return unreachable(`The object storage answered ${status}.`, error);
  return unreachable('The connection to the object storage failed.', error);
}

/** The status an answer of the object storage had; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

/**
 * Whether what failed may work later as it is: the object storage was too slow, away, busy or broken. 200 is an answer
 * that began well and broke off, 409 two writers at once.
 * @param error from `storageFailure`
 */
export function isTransient(error: unknown): boolean {
  if (!isFacequeueError(error)) return false;
  if (error.code === 'source_timeout') return true;
  if (error.code !== 'source_unreachable' || error.cause === undefined) return false;
  const status = statusOf(error.cause) ?? 200;
  return [200, 408, 409, 429].includes(status) || status >= 500;
}
