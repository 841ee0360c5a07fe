import { describe, expect, it, vi } from 'vitest';
import { identify, isRunning, type ProcessIdentity, signalGroup } from './process-identity.ts';
import { type ServiceDefinition, ServiceRun } from './service.ts';

vi.mock('./process-identity.ts', { spy: true });

/** A service with many children, so that SIGKILL to its group takes a while to end all of them. */
const SCRIPT = `
const { spawn } = require('node:child_process');
process.on('SIGTERM', () => process.exit(0));
const children = Array.from({ length: 40 }, () => spawn('sleep', ['1000'], { stdio: 'ignore' }).pid);
process.send({ type: 'ready', url: children.join() });
setInterval(() => {}, 1000);
`;

const definition: ServiceDefinition = {
  name: 'parent',
  command: process.execPath,
  args: ['-e', SCRIPT],
  env: () => process.env,
  graceMs: 10_000,
};

async function childrenOf(run: ServiceRun): Promise<ProcessIdentity[]> {
  const { url } = await run.ready;
  return url!.split(',').map((pid) => identify(Number(pid))!);
}

describe('ServiceRun', () => {
  it('stops when its children, which write to the same log, have ended too', async () => {
    // A stop that did not wait would find them running in about every second run.
    for (let rounds = 0; rounds < 10; ) {
      const run = new ServiceRun(definition);
      const children = await childrenOf(run);
      const began = performance.now();
      expect(await run.stop()).toBe(true);
      // After a second it waits no longer: see below.
      if (performance.now() - began > 990) continue;
      expect(children.filter(isRunning)).toEqual([]);
      rounds++;
    }
  });

  it('is killed with its children when it ignores SIGTERM for its grace', async () => {
    const run = new ServiceRun({ ...definition, args: ['-e', SCRIPT.replace('process.exit(0)', '{}')], graceMs: 400 });
    const children = await childrenOf(run);
    const began = performance.now();
    expect(await run.stop()).toBe(false);
    expect(performance.now() - began).toBeGreaterThan(390);
    expect(await run.ended).toBe('it was ended by SIGKILL');
    await expect.poll(() => children.filter(isRunning)).toEqual([]);
  });

  it('is killed when it is frozen and cannot see SIGTERM', async () => {
    const run = new ServiceRun({ ...definition, graceMs: 100 });
    const children = await childrenOf(run);
    process.kill(run.process!.pid, 'SIGSTOP');
    expect(await run.stop()).toBe(false);
    expect(isRunning(run.process!)).toBe(false);
    await expect.poll(() => children.filter(isRunning)).toEqual([]);
  });

  it('stops after a second although a child of it cannot be killed', async () => {
    const run = new ServiceRun(definition);
    const children = await childrenOf(run);
    // As if they were stuck in the kernel.
    const kill = vi.mocked(signalGroup).mockImplementation(() => {});
    const began = performance.now();
    expect(await run.stop()).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(children.filter(isRunning)).toEqual(children);
    kill.mockRestore();
    run.kill();
  });

  it('ends when its process exits, although its children still run: a restart does not wait for them', async () => {
    const run = new ServiceRun(definition);
    const children = await childrenOf(run);
    process.kill(run.process!.pid, 'SIGTERM');
    expect(await run.ended).toBe('exit code 0');
    expect(children.filter(isRunning)).toEqual(children);
    await run.stop();
  });
});
