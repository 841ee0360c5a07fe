import { FacequeueError } from '@facequeue/schema/errors';

/** The longest wait that the service accepts, s. */
const MAX_WAIT_S = 60;

/**
 * Checks an option that may be any number: NaN is what a computation gives that went wrong.
 * @throws invalid_request naming it
 */
export function checkNumber(name: string, value: number): void {
  if (Number.isNaN(value)) throw new FacequeueError('invalid_request', `${name} must be a number, not NaN`);
}

/**
 * Milliseconds as the whole seconds of `Prefer` and `?wait`, rounded up, 0 to 60.
 * @throws invalid_request when it is not a number
 */
export function waitSeconds(ms: number): number {
  checkNumber('waitMs', ms);
  return Math.min(MAX_WAIT_S, Math.max(0, Math.ceil(ms / 1000)));
}

/**
 * `Prefer` header of a call that wants the job instead of the faces (RFC 7240).
 * @param waitMs how long the service may wait for the job's end first
 */
export function preferJob(waitMs: number | undefined): string {
  return waitMs === undefined ? 'respond-async' : `respond-async, wait=${waitSeconds(waitMs)}`;
}

/**
 * The `Idempotency-Key` header: a string of RFC 8941.
 * @throws invalid_request when the header cannot carry it
 */
export function idempotencyHeader(key: string): string {
  if (!/^[\x20-\x7e]+$/.test(key)) {
    throw new FacequeueError(
      'invalid_request',
      'an idempotency key has one or more characters, all of them printable ASCII',
    );
  }
  return `"${key.replace(/["\\]/g, '\\$&')}"`;
}

/** 128 random bits. Not `crypto.randomUUID`, which is missing on web pages without https. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
