import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { NewJob } from '@facequeue/queue';
import { FacequeueError, MAX_IDEMPOTENCY_KEY_LENGTH } from '@facequeue/schema';

/** A string of RFC 8941 (printable ASCII in quotes), or what many clients send instead: the bare key. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const BARE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

/** Bytes hashed in one go: about a millisecond, so that a large image holds up nobody else. */
const SLICE = 1 << 20;

/**
 * Reads `Idempotency-Key`. `"k"` and `k` are the same key.
 * @returns null when there is none
 * @throws invalid_request
 */
export function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const text = String(header).trim();
  const key = QUOTED.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? BARE.exec(text)?.[0];
  if (!key || key.length > MAX_IDEMPOTENCY_KEY_LENGTH) {
    throw new FacequeueError(
      'invalid_request',
      `Idempotency-Key must be one string in quotes, of 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters`,
    );
  }
  return key;
}

/** What a call asks for. */
export type Asked = Pick<NewJob, 'queue' | 'source' | 'options' | 'webhookUrl'>;

/**
 * What the queue keeps of an idempotency key: no text of the caller, only hashes.
 * @param owner name of the API key, whose keys are its own
 * @param operation what the call does, whichever path it came by
 */
export async function idempotency(
  key: string,
  owner: string,
  operation: string,
  asked: Asked,
): Promise<NonNullable<NewJob['idempotency']>> {
  return {
    key: createHash('sha256')
      .update(JSON.stringify([owner, operation, key]))
      .digest('hex'),
    fingerprint: await fingerprint(asked),
  };
}

/** The same for calls that ask for the same, however they wrote it: defaults are filled in, base64 is decoded. */
async function fingerprint({ queue, source, options, webhookUrl = '' }: Asked): Promise<string> {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const url = source.kind === 'url' ? source.url : '';
  const hash = createHash('sha256').update(JSON.stringify([queue, sorted, webhookUrl, source.kind, url]));
  const bytes = source.kind === 'inline' ? source.bytes : new Uint8Array(0);
  for (let from = 0; from < bytes.length; from += SLICE) {
    if (from > 0) await setImmediate();
    hash.update(bytes.subarray(from, from + SLICE));
  }
  return hash.digest('hex');
}
