import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A service that keeps the contract of the gateway and the worker without doing their work. `FAKE_<NAME>` bends it:
 * `stubborn` ignores SIGTERM, `refuses` reports that it cannot start, `refuses again` does so from the second time on,
 * `dies` ends as soon as it is ready, `silent` ends before it says anything.
 */
export function fakeService(name: 'gateway' | 'worker', listens: boolean): void {
  const bent = process.env[`FAKE_${name.toUpperCase()}`];
  const say = (what: string) => console.log(`[${name}] ${what}`);
  process.on('SIGTERM', () => {
    say('got SIGTERM');
    if (bent !== 'stubborn') process.exit(0);
  });
  if (bent === 'silent') process.exit(3);
  if (bent === 'refuses' || (bent === 'refuses again' && process.env['PORT'] !== '0')) {
    process.send!({ type: 'failed', message: `the ${name} has its reasons` }, () => process.exit(1));
    return;
  }
  const ready = (facts: object) =>
    process.send!({ type: 'ready', ...facts }, () => {
      say('ready');
      if (bent === 'dies') process.exit(4);
    });
  // A handle of some kind keeps it running, as the real ones' servers do.
  const server = createServer((_, response) => response.end('{}'));
  server.listen(listens ? Number(process.env['PORT']) : 0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    ready(listens ? { url: `http://127.0.0.1:${port}` } : {});
  });
}
