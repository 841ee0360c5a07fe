import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import type { Scope } from '@facequeue/schema/scopes';
import type { Caller } from '../http/caller.ts';
import { type ApiKey, type ApiKeys, hasExpired } from './keys.ts';

/**
 * The API key in `x-api-key`, or in `Authorization: Bearer` when that header is absent.
 * @param now Unix milliseconds
 * @throws unauthorized
 */
export function identify(request: Pick<IncomingMessage, 'headers'>, keys: ApiKeys, now: number): ApiKey {
  const { 'x-api-key': header, authorization } = request.headers;
  const presented = typeof header === 'string' ? header : /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (!presented) throw new FacequeueError('unauthorized', 'send an API key as x-api-key or Authorization: Bearer');
  const key = keys.find(presented);
  if (!key) throw new FacequeueError('unauthorized', 'the API key is unknown');
  if (hasExpired(key, now)) throw new FacequeueError('unauthorized', 'the API key has expired');
  return key;
}

/** @throws forbidden when the caller may not use what needs this scope */
export function requireScope({ owner, scopes }: Caller, scope: Scope): void {
  if (scopes.has(scope)) return;
  const who = owner ? `the key ${owner}` : 'a caller without a key';
  throw new FacequeueError('forbidden', `${who} has no scope ${scope}`);
}
