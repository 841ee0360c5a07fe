import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { NewJob } from '@facequeue/queue';
import { FacequeueError, MAX_IDEMPOTENCY_KEY_LENGTH } from '@facequeue/schema';
import { parseItem } from 'structured-headers';

/** What many clients send in place of a quoted string, such as a bare UUID. As a structured field it would often be malformed. */
const BARE_KEY = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

/** Bytes hashed at a time: about a millisecond, so that a large image does not delay other calls. */
const SLICE = 1 << 20;

/**
 * Reads `Idempotency-Key`: a structured-field string (RFC 8941), or the bare key. `"k"` and `k` are the same key.
 * @returns null when there is none
 * @throws invalid_request
 */
export function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const text = String(header).trim();
  const key = text.startsWith('"') ? quotedKey(text) : BARE_KEY.exec(text)?.[0];
  if (!key || key.length > MAX_IDEMPOTENCY_KEY_LENGTH) {
    throw new FacequeueError(
      'invalid_request',
      `Idempotency-Key must be one string in quotes, of 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters`,
    );
  }
  return key;
}

function quotedKey(text: string): string | null {
  try {
    const [value, parameters] = parseItem(text);
    return typeof value === 'string' && parameters.size === 0 ? value : null;
  } catch {
    return null;
  }
}

/** The work a call asks for. */
export type Work = Pick<NewJob, 'queue' | 'source' | 'options' | 'webhookUrl'>;

/**
 * What the queue stores of an idempotency key: hashes only, no text of the caller.
 * @param owner name of the API key; each has keys of its own
 * @param operation what the call does, on whichever path
 */
export async function idempotency(
  key: string,
  owner: string,
  operation: string,
  work: Work,
): Promise<NonNullable<NewJob['idempotency']>> {
  return {
    key: createHash('sha256')
      .update(JSON.stringify([owner, operation, key]))
      .digest('hex'),
    fingerprint: await fingerprint(work),
  };
}

/** Equal for calls that ask for the same work, however it was written: with defaults filled in and base64 decoded. */
async function fingerprint({ queue, source, options, webhookUrl = '' }: Work): Promise<string> {
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
