/** Test files share only the machine: each starts the servers it needs (see redis/test-redis.ts). */
export function setup() {
  // Child processes of the tests run on the same Node as the tests.
  process.env['PATH'] = `${new URL('../../node_modules/.bin', import.meta.url).pathname}:${process.env['PATH']}`;
}
