import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { endProcess, identify, isRunning } from './process-identity.ts';

/** Starts a process that leads its own group and prints a line when it is ready. */
async function start(script: string) {
  const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { identity: identify(child.pid!)!, exit, output: String(line).trim() };
}

describe('a process', () => {
  it('is recognized while it runs, and not after its end', async () => {
    const { identity, exit } = await start("console.log('up'); setInterval(() => {}, 1000)");
    expect(isRunning(identity)).toBe(true);
    expect(await endProcess(identity, 5000)).toBe(true);
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(isRunning(identity)).toBe(false);
  });

  it('that ignores SIGTERM is killed with all of its group', async () => {
    const script = `process.on('SIGTERM', () => {});
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      console.log(child.pid);`;
    const { identity, exit, output } = await start(script);
    const grandchild = identify(Number(output))!;
    expect(await endProcess(identity, 100)).toBe(true);
    expect(await exit).toEqual([null, 'SIGKILL']);
    await expect.poll(() => isRunning(grandchild)).toBe(false);
  });

  it('that has ended itself has the rest of its group killed', async () => {
    const script = `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      console.log(child.pid); child.unref(); process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1000);`;
    const { identity, exit, output } = await start(script);
    const grandchild = identify(Number(output))!;
    process.kill(identity.pid, 'SIGTERM');
    await exit;
    expect(isRunning(grandchild)).toBe(true);
    expect(await endProcess(identity, 100)).toBe(false);
    await expect.poll(() => isRunning(grandchild)).toBe(false);
  });

  it('that received the same id later is not signalled', async () => {
    const { identity, exit } = await start("console.log('up'); setInterval(() => {}, 1000)");
    const earlier = { ...identity, started: identity.started.replace(/\d+$/, '1') };
    expect(await endProcess(earlier, 100)).toBe(false);
    expect(isRunning(identity)).toBe(true);
    process.kill(identity.pid, 'SIGKILL');
    await exit;
  });
});
