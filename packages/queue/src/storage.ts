/** For readers of what is stored, outside this package: names of keys, constants of the scripts, and a connection. */
export { CONSTANTS } from './constants.ts';
export { openConnection } from './redis/connection.ts';
export { type Keys, keysOf } from './redis/keys.ts';
