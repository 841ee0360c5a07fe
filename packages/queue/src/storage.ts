/** For readers of what is stored, outside this package: names of keys, and a connection. */
export { type Keys, keysOf } from './keys.ts';
export { openConnection } from './redis/connection.ts';
