import { ConfigError } from '@facequeue/schema/config';

/**
 * Checks a key prefix: its braces make Redis Cluster put every key into one slot, which the scripts rely on.
 * @throws ConfigError
 */
export function checkedPrefix(prefix: string): string {
  if (/^[\w.:-]*\{[\w.:-]+\}[\w.:-]*$/.test(prefix)) return prefix;
  throw new ConfigError(
    `QUEUE_PREFIX is ${JSON.stringify(prefix)}; expected a name in braces such as {fq}, of letters, digits and ._:-`,
  );
}
