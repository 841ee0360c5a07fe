import { createHash, timingSafeEqual } from 'node:crypto';

/** A configured API key: a name for logs and ownership, and the SHA-256 of the key. */
export interface ApiKey {
  readonly name: string;
  readonly sha256: Buffer;
}

export const KEY_ENTRY_FORM = 'name:sha256 for each key, the hash in 64 hexadecimal digits';

/** Parses one `name:sha256` entry; null when it has another form. */
export function parseKeyEntry(text: string): ApiKey | null {
  const match = /^([\w.-]{1,64}):([0-9a-f]{64})$/i.exec(text);
  return match && { name: match[1]!, sha256: Buffer.from(match[2]!, 'hex') };
}

/**
 * The configured key that equals `presented`, or null. Compares with every key, by hash and in constant time, so that the duration
 * reveals neither how much of a key was right nor which one it was.
 */
export function findKey(keys: readonly ApiKey[], presented: string): ApiKey | null {
  const hash = createHash('sha256').update(presented).digest();
  let found: ApiKey | null = null;
  for (const key of keys) if (timingSafeEqual(hash, key.sha256)) found = key;
  return found;
}
