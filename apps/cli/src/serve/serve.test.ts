import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { freePort } from '../../../../test/support/processes/free-port.ts';
import { startRedis } from '../../../../test/support/redis/test-redis.ts';
import { serveConfig } from '../config.ts';
import { Home } from './home.ts';
import { privateRedis } from './private-redis.ts';
import { identify, isRunning } from './process-identity.ts';
import { serve as runServe } from './serve.ts';
import { startAnsweringServer } from './testing/answering-server.ts';
import { type RunningServe, TestHome } from './testing/running.ts';

/** Names of the services of a record that are still running. */
const alive = (services: ReturnType<TestHome['record']>['services']) =>
  services.filter(({ process }) => isRunning(process)).map(({ name }) => name);

/** The child of the service that FAKE_PARENT names; it ignores SIGTERM. */
const childOf = async (serve: RunningServe, name: string) =>
  identify(Number((await serve.waitForOutput(new RegExp(`\\[${name}\\] child (\\d+)`)))[1]))!;

describe('serve', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'starts Redis, worker and gateway, prints where it listens, and stops them in order on %s',
    async (signal) => {
      await using home = new TestHome();
      const serve = home.start();
      const [, url] = await serve.ready();
      expect((await fetch(url!)).status).toBe(200);
      expect(serve.output).toContain(`curl --data-binary @test/images/astronaut.png`);
      const { services } = home.record();
      expect(services.map(({ name }) => name)).toEqual(['Redis', 'worker', 'gateway']);

      serve.signal(signal);
      expect(await serve.exit).toBe(0);
      const stops = [...serve.output.matchAll(/Stopping (\w+)|\[(\w+)\] got SIGTERM/g)].map(([text]) => text);
      expect(stops).toEqual([
        'Stopping gateway',
        '[gateway] got SIGTERM',
        'Stopping worker',
        '[worker] got SIGTERM',
        'Stopping Redis',
      ]);
      expect(alive(services)).toEqual([]);
    },
  );

  it('kills the children that a stopped service leaves', async () => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_PARENT: 'worker' });
    await serve.ready();
    const child = await childOf(serve, 'worker');
    serve.signal('SIGTERM');
    expect(await serve.exit).toBe(0);
    expect(isRunning(child)).toBe(false);
  });

  it('kills a service that ignores SIGTERM 10 s after its grace, and its children; says so, stops the others and exits with 1', async () => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_WORKER: 'stubborn', FAKE_PARENT: 'worker', SHUTDOWN_GRACE: '1s' });
    await serve.ready();
    const { services } = home.record();
    const child = await childOf(serve, 'worker');
    const signaled = performance.now();
    serve.signal('SIGTERM');
    await serve.waitForOutput(/worker did not end within 11 s and was killed\./);
    const took = performance.now() - signaled;
    expect(took).toBeGreaterThan(10_900);
    expect(took).toBeLessThan(33_000);
    expect(await serve.exit).toBe(1);
    expect(serve.output).toMatch(/Stopping Redis …\n[\s\S]*Stopped; killed: worker\.\n$/);
    expect(alive(services)).toEqual([]);
    expect(isRunning(child)).toBe(false);
  });

  it('stops during the start when it is asked to', async () => {
    await using home = new TestHome();
    const serve = home.start();
    await serve.waitForOutput(/\[gateway\] ready/);
    serve.signal('SIGTERM');
    expect(await serve.exit).toBe(0);
  });

  it('refuses to run twice on one folder, and names the first process and its URL', async () => {
    await using home = new TestHome();
    const first = home.start();
    const [, url] = await first.ready();
    const second = home.start();
    expect(await second.exit).toBe(1);
    expect(second.output).toContain(`process ${first.pid}, at ${url}`);
    expect((await fetch(url!)).status).toBe(200);
  });

  it('stops what a killed serve left running, and starts', async () => {
    await using home = new TestHome();
    const first = home.start({ FAKE_WORKER: 'stubborn', FAKE_PARENT: 'worker' });
    await first.ready();
    const { services } = home.record();
    const child = await childOf(first, 'worker');
    first.signal('SIGKILL');
    expect(await first.exit).toBe('SIGKILL');
    expect(alive(services)).toEqual(['Redis', 'worker', 'gateway']);

    const next = home.start();
    await next.waitForOutput(/Stopped what an earlier start had left running: gateway, worker, Redis\./);
    expect(alive(services)).toEqual([]);
    expect(isRunning(child)).toBe(false);
    await next.ready();
    next.signal('SIGTERM');
    expect(await next.exit).toBe(0);
  });

  it('restarts a service that was killed, the gateway on the same port', async () => {
    await using home = new TestHome();
    const serve = home.start();
    const [, url] = await serve.ready();
    for (const name of ['worker', 'gateway', 'Redis']) {
      const before = home.service(name);
      process.kill(before.pid, 'SIGKILL');
      await serve.waitForOutput(new RegExp(`${name} is ready again`));
      expect(home.service(name)).not.toEqual(before);
    }
    expect((await fetch(url!)).status).toBe(200);
    serve.signal('SIGTERM');
    expect(await serve.exit).toBe(0);
  });

  it('kills the children of a service that was killed before it starts the service again', async () => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_PARENT: 'worker' });
    await serve.ready();
    const child = await childOf(serve, 'worker');
    process.kill(home.service('worker').pid, 'SIGKILL');
    await serve.waitForOutput(/worker is ready again/);
    expect(isRunning(child)).toBe(false);
  });

  it('kills its services when it fails itself', async () => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_WORKER: 'stubborn', FAKE_PARENT: 'worker' });
    await serve.ready();
    const { services } = home.record();
    const child = await childOf(serve, 'worker');
    // Without its folder it cannot write down the gateway that it starts again.
    renameSync(home.folder, `${home.folder}.away`);
    process.kill(services.find(({ name }) => name === 'gateway')!.process.pid, 'SIGKILL');
    expect(await serve.exit).toBe(1);
    renameSync(`${home.folder}.away`, home.folder);
    expect(serve.output).toMatch(/ENOENT.*processes\.json/);
    await expect.poll(() => alive(services)).toEqual([]);
    await expect.poll(() => isRunning(child)).toBe(false);
  });

  it('stops everything when a service exits five times within a minute', async () => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_WORKER: 'dies' });
    await serve.waitForOutput(/\[worker\] ready/);
    const { services } = home.record();
    expect(await serve.exit).toBe(1);
    expect(serve.output.match(/worker ended: exit code 4\./g)).toHaveLength(5);
    expect(serve.output).toContain('worker ended 5 times within a minute; stopping everything.');
    expect(alive(services)).toEqual([]);
  });

  it('prints why a restarted service does not become ready', async () => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_GATEWAY: 'refuses again' });
    await serve.ready();
    process.kill(home.service('gateway').pid, 'SIGKILL');
    await serve.waitForOutput(/^the gateway has its reasons$/m);
    serve.signal('SIGTERM');
    expect(await serve.exit).toBe(0);
  });

  it.each([
    ['refuses', /^the gateway has its reasons$/m],
    ['silent', /^gateway did not start: exit code 3$/m],
  ])('prints why a service that %s did not start, and stops everything', async (how, message) => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_GATEWAY: how, FAKE_PARENT: 'gateway' });
    const [, pid] = await serve.waitForOutput(/\[gateway\] child (\d+)/);
    // Null when serve was quicker to end it than the test to look.
    const child = identify(Number(pid));
    expect(await serve.exit).toBe(1);
    expect(child !== null && isRunning(child)).toBe(false);
    expect(serve.output).toMatch(message);
    expect(serve.output).not.toContain('ready at');
    expect(() => home.record()).toThrow();
  });

  it.each([
    ['stubborn', /\[gateway\] ready/],
    ['never ready', /\[gateway\] not ready/],
  ])('kills everything on a second Ctrl-C while a service ignores SIGTERM (%s)', async (how, started) => {
    await using home = new TestHome();
    const serve = home.start({ FAKE_GATEWAY: how, FAKE_PARENT: 'gateway' });
    await serve.waitForOutput(started);
    const { services } = home.record();
    const child = await childOf(serve, 'gateway');
    serve.signal('SIGINT');
    await serve.waitForOutput(/\[gateway\] got SIGTERM/);
    const pressed = performance.now();
    // Two presses close together count as one, so the test presses again and again.
    while (!serve.output.includes('Killed everything')) {
      serve.signal('SIGINT');
      await Promise.race([serve.exit, delay(100)]);
    }
    expect(await serve.exit).toBe(130);
    // Half a second, so that npm's copy of the first Ctrl-C does not count; the grace period would be 11 s.
    expect(performance.now() - pressed).toBeLessThan(9000);
    expect(serve.output).toMatch(/Killed everything\.\n$/);
    await expect.poll(() => alive(services)).toEqual([]);
    await expect.poll(() => isRunning(child)).toBe(false);
  });
});

describe('the private Redis', () => {
  const cli = (home: TestHome, ...words: string[]) => {
    const config = readFileSync(join(home.folder, 'redis.conf'), 'utf8');
    const [port, password] = ['port', 'requirepass'].map(
      (name) => new RegExp(`^${name} (\\S+)`, 'm').exec(config)![1]!,
    );
    return (auth: boolean) =>
      execFileSync('redis-cli', ['-p', port!, ...words], {
        encoding: 'utf8',
        env: { ...process.env, ...(auth && { REDISCLI_AUTH: password }) },
      }).trim();
  };

  it('requires a password that only the owner of the folder can read, and never evicts', async () => {
    await using home = new TestHome();
    const serve = home.start({ REDIS_MAXMEMORY: '100mb' });
    await serve.ready();
    expect(cli(home, 'PING')(false)).toMatch(/NOAUTH/);
    expect(cli(home, 'PING')(true)).toBe('PONG');
    expect(statSync(join(home.folder, 'redis.conf')).mode & 0o777).toBe(0o600);
    expect(statSync(home.folder).mode & 0o777).toBe(0o700);
    expect(cli(home, 'CONFIG', 'GET', 'maxmemory-policy')(true)).toMatch(/noeviction/);
    expect(cli(home, 'CONFIG', 'GET', 'maxmemory')(true)).toMatch(/100000000/);
    expect(cli(home, 'CONFIG', 'GET', 'bind')(true)).toMatch(/^bind\s+127\.0\.0\.1$/);
  });

  it('keeps its data between starts, also after a kill', async () => {
    await using home = new TestHome();
    const first = home.start();
    await first.ready();
    cli(home, 'SET', 'a', 'kept')(true);
    first.signal('SIGTERM');
    await first.exit;

    const second = home.start();
    await second.ready();
    expect(cli(home, 'GET', 'a')(true)).toBe('kept');
    cli(home, 'SET', 'b', 'kept, too')(true);
    process.kill(home.service('Redis').pid, 'SIGKILL');
    await second.waitForOutput(/Redis is ready again/);
    expect(cli(home, 'GET', 'b')(true)).toBe('kept, too');
  });

  it('has 15 s to end, for writing its data', async () => {
    await using test = new TestHome();
    using home = new Home(test.folder);
    expect((await privateRedis(home, 1e8, {})).service.graceMs).toBe(15_000);
  });

  it('that is not installed is named in the error, with what to do', async () => {
    await using home = new TestHome();
    const serve = home.start({ PATH: '/nonexistent' });
    expect(await serve.exit).toBe(1);
    expect(serve.output).toMatch(/redis-server was not found; `npm start` installs/);
  });
});

describe('the Redis of REDIS_URL', () => {
  it('is used, and keeps running at the end', async () => {
    await using redis = await startRedis();
    await using home = new TestHome();
    const serve = home.start({ REDIS_URL: redis.url });
    await serve.ready();
    expect(home.record().services.map(({ name }) => name)).toEqual(['worker', 'gateway']);
    serve.signal('SIGTERM');
    expect(await serve.exit).toBe(0);
    expect(serve.output).not.toContain('Stopping Redis');
  });

  it('that does not reply within 3 s ends the start', async () => {
    await using redis = await startRedis();
    await using home = new TestHome();
    await redis.pause();
    const began = performance.now();
    const serve = home.start({ REDIS_URL: redis.url });
    expect(await serve.exit).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(3000);
    expect(performance.now() - began).toBeLessThan(15_000);
    await redis.resume();
    expect(serve.output).toContain(`Redis at 127.0.0.1:${redis.port} cannot be used: no reply within 3 s`);
  });

  const LOADING = '-LOADING Redis is loading the dataset in memory\r\n';

  it('is waited for while it loads its data', async () => {
    using redis = await startAnsweringServer((asked) => (asked < 3 ? LOADING : '+PONG\r\n'));
    await using home = new TestHome();
    const serve = home.start({ REDIS_URL: redis.url });
    await serve.ready();
    expect(redis.asked).toBe(3);
    serve.signal('SIGTERM');
    expect(await serve.exit).toBe(0);
  });

  it('that still loads its data after 60 s ends the start', async () => {
    using redis = await startAnsweringServer(LOADING);
    await using home = new TestHome();
    vi.stubEnv('REDIS_URL', redis.url).stubEnv('FACEQUEUE_HOME', home.folder);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1e12);
    const printed: string[] = [];
    const exit = runServe(serveConfig(), { stderr: (line) => printed.push(line) });
    vi.unstubAllEnvs();
    const askedTwice = async () => {
      const { asked } = redis;
      await expect.poll(() => redis.asked, { timeout: 10_000 }).toBeGreaterThan(asked + 1);
    };
    await askedTwice();
    clock.mockReturnValue(1e12 + 60_000);
    await askedTwice();
    expect(printed).toEqual([]);
    clock.mockReturnValue(1e12 + 60_001);
    expect(await exit).toBe(1);
    clock.mockRestore();
    expect(printed).toEqual(['Redis is still loading its data after 60 s.']);
  });

  it('that cannot be reached ends the start, and its password is not printed', async () => {
    const port = await freePort();
    await using home = new TestHome();
    const serve = home.start({ REDIS_URL: `redis://:secret@127.0.0.1:${port}` });
    expect(await serve.exit).toBe(1);
    expect(serve.output).toContain(`Redis at 127.0.0.1:${port} cannot be used: nothing is listening there`);
    expect(serve.output).not.toContain('secret');
  });
});
