import { ConfigError } from '@facequeue/schema/config';

/** A name in braces. The braces make Redis Cluster put every key into one slot, which the scripts rely on. */
export const KEY_PREFIX = /^[\w.:-]*\{[\w.:-]+\}[\w.:-]*$/;

/** @throws ConfigError */
export function checkedPrefix(prefix: string): string {
  if (KEY_PREFIX.test(prefix)) return prefix;
  throw new ConfigError(
    `QUEUE_PREFIX is ${JSON.stringify(prefix)}; expected a name in braces such as {fq}, of letters, digits and ._:-`,
  );
}
