import { createHash, timingSafeEqual } from 'node:crypto';

/** An API key as it is configured: a name for logs and ownership, and the SHA-256 of the key. */
export interface ApiKey {
  readonly name: string;
  readonly sha256: Buffer;
}

export const KEY_ENTRY_FORM = 'name:sha256 for each key, the hash in 64 hexadecimal digits';

/** Reads one `name:sha256` entry; null when it has another form. */
export function parseKeyEntry(text: string): ApiKey | null {
  const match = /^([\w.-]{1,64}):([0-9a-f]{64})$/i.exec(text);
  return match && { name: match[1]!, sha256: Buffer.from(match[2]!, 'hex') };
}

/**
 * The configured key that `presented` is, or null. Hashes are compared, every one and in constant time, so that the time
 * it takes tells neither how much of a key was right nor which one it was.
 */
export function findKey(keys: readonly ApiKey[], presented: string): ApiKey | null {
  const hash = createHash('sha256').update(presented).digest();
  let found: ApiKey | null = null;
  for (const key of keys) if (timingSafeEqual(hash, key.sha256)) found = key;
  return found;
}
