import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const SERVICE = fileURLToPath(new URL('./testing/service.ts', import.meta.url));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(plot: string, env: Record<string, string> = {}, { supervised = true } = {}) {
  const child = spawn(process.execPath, [SERVICE, plot], {
    env: { PATH: process.env['PATH']!, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(supervised ? (['ipc'] as const) : [])],
  });
  children.push(child);
  let [out, errors] = ['', ''];
  child.stdout!.on('data', (chunk) => (out += chunk));
  child.stderr!.on('data', (chunk) => (errors += chunk));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const report = Promise.race([once(child, 'message').then(([message]) => message), exited.then(() => null)]);
  const log = () =>
    out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const line = (message: string) => log().find(({ msg }) => msg === message);
  return { child, exited, report, log, line, errors: () => errors, out: () => out };
}

describe('the process of a service', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'reports that it is ready, and stops in order on %s',
    async (signal) => {
      const service = start('well', { SHUTDOWN_GRACE: '3s' });
      expect(await service.report).toEqual({ type: 'ready', url: 'http://127.0.0.1:1' });
      service.child.kill(signal);
      expect(await service.exited).toBe(0);
      // pino writes while the process exits: the order of the last lines is not certain.
      expect(service.log()).toHaveLength(2);
      expect(service.line('stopping')).toMatchObject({ level: 'info', app: 'service', signal, grace_ms: 3000 });
      expect(service.line('stopped')).toMatchObject({ level: 'info' });
      expect(service.errors()).toBe('');
    },
  );

  it('that reloads something does so on each SIGHUP, goes on, and stops on another signal', async () => {
    const service = start('reloads');
    await service.report;
    for (const times of [1, 2]) {
      service.child.kill('SIGHUP');
      await expect.poll(() => service.log().map(({ msg }) => msg)).toEqual(Array(times).fill('read again'));
    }
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.line('stopping')).toMatchObject({ signal: 'SIGTERM' });
  });

  it('ends at once on a second signal', async () => {
    const service = start('slow stop');
    await service.report;
    service.child.kill('SIGTERM');
    await expect.poll(service.log).toHaveLength(1);
    const at = performance.now();
    service.child.kill('SIGINT');
    expect(await service.exited).toBe(1);
    expect(performance.now() - at).toBeLessThan(10_000);
  });

  it('stops while it starts', async () => {
    const service = start('slow start');
    await expect.poll(service.log, { timeout: 10_000 }).toHaveLength(1);
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
  });

  it('logs that it cannot stop, and exits with 1', async () => {
    const service = start('fails to stop');
    await service.report;
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(1);
    expect(service.line('cannot stop in order')).toMatchObject({ level: 'error', err: { message: 'stuck' } });
  });

  it.each([
    ['redis away', 1, /^no Redis answers$/],
    ['no device', 1, /^DEVICE=cuda is not there$/],
    ['fault', 1, /^TypeError: x is not a function\n +at /],
  ])('reports why it cannot start: %s', async (plot, code, message) => {
    const service = start(plot);
    expect(await service.report).toEqual({ type: 'failed', message: expect.stringMatching(message) });
    expect(await service.exited).toBe(code);
    expect(service.errors()).toBe('');
  });

  it('writes to standard error why it cannot start when it has no supervisor', async () => {
    const service = start('well', { LOG_LEVEL: 'loud' }, { supervised: false });
    expect(await service.exited).toBe(2);
    expect(service.errors()).toMatch(/^The service cannot start: LOG_LEVEL is "loud"; expected silent, .*\n$/);
    expect(service.out()).toBe('');
  });

  it('names each misspelt setting once, without its value', async () => {
    const service = start('well', { REDIS_URI: 'redis://:hunter2@cache' });
    await service.report;
    service.child.kill('SIGTERM');
    await service.exited;
    expect(service.log().filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ msg: 'REDIS_URI is not a setting; did you mean REDIS_URL?' }),
    ]);
    expect(service.out()).not.toContain('hunter2');
    const failed = start('well', { SHUTDOWN_GRACES: '1s', LOG_LEVEL: 'loud' });
    expect(await failed.report).toMatchObject({
      message: expect.stringMatching(/loud.*\nSHUTDOWN_GRACES is not a setting/),
    });
  });

  // util-linux' script runs a command on a terminal of its own.
  it('writes readable lines on a terminal, the last one included', async ({ skip }) => {
    skip(spawnSync('script', ['--version']).status !== 0, "util-linux's script is not installed");
    const command = `echo "pid $$"; exec "${process.execPath}" "${SERVICE}" "slow start"`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    await expect.poll(() => out, { timeout: 20_000 }).toMatch(/INFO.*service: starting/);
    process.kill(Number(/pid (\d+)/.exec(out)![1]), 'SIGTERM');
    await once(child, 'close');
    expect(out).toMatch(/INFO.*service: stopping/);
    expect(out).toMatch(/INFO.*service: stopped/);
    expect(out).not.toContain('{"level"');
  });
});
