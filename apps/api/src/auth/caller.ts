import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { type ApiKey, findKey } from './keys.ts';

/**
 * The name of the API key in `x-api-key`, or in `Authorization: Bearer` when that header is absent.
 * @param keys the configured keys; with none everybody may call, under the empty name
 * @throws unauthorized
 */
export function identify(request: IncomingMessage, keys: readonly ApiKey[]): string {
  if (keys.length === 0) return '';
  const { 'x-api-key': header, authorization } = request.headers;
  const presented = typeof header === 'string' ? header : /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (!presented) throw new FacequeueError('unauthorized', 'send an API key as x-api-key or Authorization: Bearer');
  const key = findKey(keys, presented);
  if (!key) throw new FacequeueError('unauthorized', 'the API key is unknown');
  return key.name;
}
