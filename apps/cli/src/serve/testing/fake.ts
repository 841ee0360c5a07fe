import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A service with the process contract of the gateway and the worker, without their work. `FAKE_<NAME>` changes its behaviour:
 * `stubborn` ignores SIGTERM, `never ready` does and reports nothing, `refuses` reports that it cannot start, `refuses again` does so from the second start on,
 * `dies` exits when it is ready, `silent` exits without a report. The service that `FAKE_PARENT` names has a child that ignores signals.
 */
export function fakeService(name: 'gateway' | 'worker', listens: boolean): void {
  const behaviour = process.env[`FAKE_${name.toUpperCase()}`];
  const log = (what: string) => console.log(`[${name}] ${what}`);
  process.on('SIGTERM', () => {
    log('got SIGTERM');
    if (behaviour !== 'stubborn' && behaviour !== 'never ready') process.exit(0);
  });
  if (process.env['FAKE_PARENT'] === name) {
    const child = spawn('sh', ['-c', 'trap "" TERM INT HUP; exec sleep 1000'], { stdio: 'ignore' });
    log(`child ${child.pid}`);
  }
  if (behaviour === 'silent') process.exit(3);
  if (behaviour === 'refuses' || (behaviour === 'refuses again' && process.env['PORT'] !== '0')) {
    process.send!({ type: 'failed', message: `the ${name} has its reasons` }, () => process.exit(1));
    return;
  }
  if (behaviour === 'never ready') {
    log('not ready');
    setInterval(() => {}, 1000);
    return;
  }
  const ready = (facts: object) =>
    process.send!({ type: 'ready', ...facts }, () => {
      log('ready');
      if (behaviour === 'dies') process.exit(4);
    });
  // A server keeps the process running, as in the real ones.
  const server = createServer((_, response) => response.end('{}'));
  server.listen(listens ? Number(process.env['PORT']) : 0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    ready(listens ? { url: `http://127.0.0.1:${port}` } : {});
  });
}
