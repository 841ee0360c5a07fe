import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.js';

const here = { cwd: import.meta.dirname, env: process.env };

describe('a command of the set-up', () => {
  it('returns its output', async () => {
    const output = await run('sh', ['-c', 'echo out; echo err >&2'], here);
    expect(output.trim().split('\n').sort()).toEqual(['err', 'out']);
  });

  it('that fails is reported with its last lines', async () => {
    const failure = run('sh', ['-c', 'seq 1 100; echo why >&2; exit 7'], here);
    await expect(failure).rejects.toThrow(/^6\d\n[\s\S]*why[\s\S]*`sh -c .*` failed \(7\)\.$/);
    await expect(failure).rejects.toMatchObject({ name: 'SetupFailure' });
  });

  it('that is missing is named', async () => {
    await expect(run('no-such-program', [], here)).rejects.toThrow(/no-such-program could not be run/);
  });
});

describe('a set-up that is ended', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'facequeue-setup-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const ended = (pid: number) =>
    !existsSync(`/proc/${pid}`) || /^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  const written = (name: string) =>
    existsSync(join(folder, name)) ? Number(readFileSync(join(folder, name), 'utf8')) : 0;

  /**
   * The processes as under npm: a shell, below it the set-up, below it a command with a child of its own.
   * They write down their ids.
   */
  async function start(command: string, interruptible: boolean): Promise<{ shell: ChildProcess; said: () => string }> {
    const script = `
      const { run } = await import(${JSON.stringify(join(import.meta.dirname, 'run.js'))});
      require('fs').writeFileSync('setup', String(process.pid));
      run('sh', ['-c', ${JSON.stringify(command)}], { cwd: '.', env: process.env, interruptible: ${interruptible} })
        .then(() => console.log('done'), (error) => console.log(error.name, error.message));`;
    const shell = spawn(
      'sh',
      [
        '-c',
        '"$0" --input-type=module -e "$1" && true',
        process.execPath,
        `import { createRequire } from 'node:module'; const require = createRequire('/'); ${script}`,
      ],
      {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    shell.stdout!.on('data', (chunk) => {
      said += chunk;
    });
    await expect.poll(() => written('command'), { timeout: 20_000 }).toBeGreaterThan(0);
    return { shell, said: () => said };
  }

  it('by the end of the shell that started it ends the command with all its children', async () => {
    const { shell, said } = await start('sleep 1000 & echo $! > child; echo $$ > command; wait', true);
    shell.kill('SIGKILL');
    await once(shell, 'close');
    expect(said()).toBe('Interrupted SIGTERM\n');
    for (const name of ['child', 'command', 'setup']) await expect.poll(() => ended(written(name))).toBe(true);
  });

  it('by a signal lets a command that must not be interrupted finish first', async () => {
    const { shell, said } = await start(
      'echo $$ > command; while [ ! -e finish ]; do sleep 0.05; done; echo 1 > finished',
      false,
    );
    // The same signal twice: the kernel may deliver two different pending signals in either order.
    process.kill(written('setup'), 'SIGINT');
    process.kill(written('setup'), 'SIGINT');
    expect(ended(written('command'))).toBe(false);
    spawn('touch', [join(folder, 'finish')]);
    await once(shell, 'close');
    expect(written('finished')).toBe(1);
    expect(said()).toBe('Interrupted SIGINT\n');
  });
});
