import { createHash } from 'node:crypto';

/** API_KEYS with a key for each name; `keyOf` gives it. */
export const apiKeys = (...names: string[]) =>
  names.map((name) => `${name}:${createHash('sha256').update(keyOf(name)).digest('hex')}`).join();

export const keyOf = (name: string) => `key of ${name}`;
