import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { serveConfig } from '../config.ts';
import { configArgument, passedConfig } from './config.ts';
import { startAnsweringServer } from './testing/answering-server.ts';

const MAIN = new URL('../main.ts', import.meta.url).pathname;

it('serve continues under its process id as a program without the command line, and keeps the password of a Redis to itself', async () => {
  // Until it has loaded its data, serve waits.
  using redis = await startAnsweringServer('-LOADING Redis is loading the dataset in memory\r\n');
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-small-'));
  const env = { ...process.env, FACEQUEUE_HOME: folder, REDIS_URL: redis.url.replace('//', '//:swordfish@') };
  const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: 'ignore' });
  const exit = once(child, 'exit');
  try {
    await expect.poll(() => redis.asked, { timeout: 30_000 }).toBeGreaterThan(0);
    const words = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0');
    expect(words).toContain(new URL('./main.ts', import.meta.url).pathname);
    expect(words).toContain('--max-semi-space-size=1');
    expect(words.join(' ')).not.toContain('swordfish');
  } finally {
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  }
});

it.each([
  ['its own Redis', ''],
  ['a Redis of others', 'redis://:swordfish@127.0.0.1:6379'],
])('the settings of serve with %s are the same in that program, and its argument has no secret', async (_, url) => {
  const before = process.env['REDIS_URL'];
  process.env['REDIS_URL'] = url;
  try {
    const config = serveConfig();
    expect(await passedConfig(configArgument(config))).toEqual(config);
    expect(configArgument(config)).not.toContain('swordfish');
  } finally {
    if (before === undefined) delete process.env['REDIS_URL'];
    else process.env['REDIS_URL'] = before;
  }
});
