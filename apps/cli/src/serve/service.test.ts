import { describe, expect, it } from 'vitest';
import { identify, isRunning } from './process-identity.ts';
import { type ServiceDefinition, ServiceRun } from './service.ts';

/** A service whose child outlives it, and takes a while to end even on SIGKILL, since it has much memory to free. */
const SCRIPT = `
const child = require('node:child_process').spawn(
  process.execPath,
  ['-e', 'global.memory = Buffer.alloc(300e6, 1); console.log("up"); setInterval(() => {}, 1000)'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
child.stdout.once('data', () => process.send({ type: 'ready', url: String(child.pid) }));
process.on('SIGTERM', () => process.exit(0));
`;

const definition: ServiceDefinition = {
  name: 'parent',
  command: process.execPath,
  args: ['-e', SCRIPT],
  env: () => process.env,
  graceMs: 10_000,
};

describe('ServiceRun', () => {
  it('has stopped when its children, which write to the same log, have ended too', async () => {
    const run = new ServiceRun(definition);
    const { url: pid } = await run.ready;
    const child = identify(Number(pid))!;
    await run.stop();
    expect(isRunning(child)).toBe(false);
  });

  it('has ended when its process has exited, whatever its children do: a restart does not wait for them', async () => {
    const run = new ServiceRun(definition);
    const { url: pid } = await run.ready;
    const child = identify(Number(pid))!;
    process.kill(run.process!.pid, 'SIGTERM');
    expect(await run.ended).toBe('exit code 0');
    expect(isRunning(child)).toBe(true);
    await run.stop();
  });
});
