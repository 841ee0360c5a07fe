import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** A process that takes the lock of `folder` and keeps it; it prints when it waits and when it has the lock. */
function holder(folder: string) {
  const script = `import(${JSON.stringify(join(import.meta.dirname, 'lock.js'))}).then(async ({ lockFolder }) => {
    await lockFolder(${JSON.stringify(folder)}, () => console.log('waits'));
    console.log('holds');
    setInterval(() => {}, 1000);
  });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const prints = (text: string) => expect.poll(() => said, { timeout: 20_000 }).toBe(text);
  return { prints, kill: () => child.kill('SIGKILL') && once(child, 'exit') };
}

describe('the lock of the set-up', () => {
  it('belongs to one process at a time, and is released when that process is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-lock-'));
    const first = holder(folder);
    await first.prints('holds\n');
    const second = holder(folder);
    await second.prints('waits\n');
    await first.kill();
    await second.prints('waits\nholds\n');
    await second.kill();
    rmSync(folder, { recursive: true });
  });
});
