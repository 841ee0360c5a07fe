import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allProcesses, descendants } from '../support/processes/process-table.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const VITEST = new URL('../../node_modules/vitest/dist/index.js', import.meta.url);

/** Runs the command on test files of a folder of their own. */
function steady(files: Record<string, string>, ...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-steady-'));
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['*.test.ts'] } };`);
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(folder, name), `import { it } from '${VITEST.href}';\nimport fs from 'node:fs';\n${body}`);
  }
  const child: ChildProcess = spawn(process.execPath, [MAIN, '--config', 'vitest.config.mjs', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return {
    child,
    path: (name: string) => join(folder, name),
    exited: once(child, 'exit').then(([code]) => code as number | null),
    output: text(child.stdout!),
    [Symbol.dispose]() {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

const alive = (pids: number[]) => allProcesses().filter(({ pid }) => pids.includes(pid));

// Each starts vitest several times, which takes seconds where other things run.
describe('npm run test:steady', { timeout: 180_000 }, () => {
  it('runs each file as often as it is told, and exits with 1 when one failed once', async () => {
    using run = steady(
      {
        'fine.test.ts': `it('passes', () => {});`,
        'now-and-then.test.ts': `it('passes in the end', () => {
          if (fs.existsSync('ran')) return;
          fs.writeFileSync('ran', '');
          throw new Error('not yet');
        });`,
      },
      '--times=2',
      '--load=1',
    );
    const output = await run.output;
    expect(await run.exited).toBe(1);
    expect(output).toContain(
      'failed: now-and-then.test.ts > passes in the end\nround 1: 2 files, 1 failed\nround 2: 2 files, 0 failed',
    );
    expect(output).toMatch(/^\| fine\.test\.ts \| 2 \| 0 \|/m);
    expect(output).toMatch(/^\| now-and-then\.test\.ts \| 2 \| 1 \|/m);
    expect(output).toContain(
      'now-and-then.test.ts > passes in the end: failed in 1 of 2 runs, first with:\nError: not yet',
    );
  });

  it('exits with 0 when all passed, and runs only the files it is given', async () => {
    using run = steady(
      { 'a.test.ts': `it('passes', () => {});`, 'b.test.ts': `it.only('fails', () => fs.nothing());` },
      '--times=1',
      '--load=0',
      'a.test',
    );
    const output = await run.output;
    expect(await run.exited).toBe(0);
    expect(output).not.toContain('b.test.ts');
  });

  it('counts a file that does not load and a rejection that nobody handles as failures', async () => {
    using run = steady(
      {
        'missing.test.ts': `import './nothing.ts';`,
        'rejects.test.ts': `it('passes', () => { Promise.reject(new Error('nobody handles this')); return new Promise(setImmediate); });`,
      },
      '--times=1',
      '--load=0',
    );
    const output = await run.output;
    expect(await run.exited).toBe(1);
    expect(output).toContain('missing.test.ts > the file: failed in 1 of 1 runs');
    expect(output).toMatch(
      /rejects\.test\.ts > outside its tests: failed in 1 of 1 runs, first with:\nError: nobody handles this/,
    );
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('leaves no process when it is ended by %s', async (signal) => {
    using run = steady(
      {
        'hangs.test.ts': `it('hangs', () => { fs.writeFileSync('hanging', ''); return new Promise(() => {}); }, 120_000);`,
      },
      '--times=2',
      '--load=2',
    );
    await expect
      .poll(() => descendants(run.child.pid!).filter(({ command }) => command.includes('busy.ts')))
      .toHaveLength(2);
    await expect.poll(() => existsSync(run.path('hanging')), { timeout: 30_000 }).toBe(true);
    const children = descendants(run.child.pid!).map(({ pid }) => pid);
    run.child.kill(signal);
    const output = await run.output;
    expect(await run.exited).toBe(signal === 'SIGTERM' ? 1 : null);
    if (signal === 'SIGTERM') expect(output).toContain('| hangs.test.ts | 0 | 0 |');
    await expect.poll(() => alive(children), { timeout: 20_000 }).toEqual([]);
  });
});
