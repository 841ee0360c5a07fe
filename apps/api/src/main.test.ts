import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobResource, Problem, SystemResource } from '@facequeue/schema';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openRaw } from '../../../test/support/clients/raw-http.ts';
import { keyOf, startCannedWorker, TestKeysFile } from '../../../test/support/gateway/index.ts';
import { parseExposition, seriesValue } from '../../../test/support/metrics/exposition.ts';
import { type AppProcess, startApp } from '../../../test/support/processes/app-process.ts';
import { cpuMs } from '../../../test/support/processes/process-table.ts';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';

const MAIN = new URL('./main.ts', import.meta.url);
const PREFIX = '{main-test}';

let redis: TestRedis;
const started: AppProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(() => Promise.all(started.splice(0).map((gateway) => gateway.end('SIGKILL'))));
afterAll(() => redis?.stop());

async function start(env: Record<string, string> = {}) {
  const gateway = await startApp(MAIN, { PORT: '0', REDIS_URL: redis.url, QUEUE_PREFIX: PREFIX, ...env });
  started.push(gateway);
  const { child, exited, first: message, log: output } = gateway;
  return { child, exited, message, url: (message?.type === 'ready' && message.url) || '', output };
}

const post = (url: string, headers: Record<string, string> = {}, signal: AbortSignal | null = null) =>
  fetch(`${url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', ...headers },
    body: 'image',
    signal,
  });

describe('the gateway process', () => {
  it('tells its parent where it listens, also on a free port', async () => {
    const { message, url, output } = await start();
    expect(message).toEqual({ type: 'ready', url });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expect.poll(output).toContain(url);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['bad variables, all at once', { PORT: 'many', SYNC_WAIT: 'long' }, /PORT is "many".*\n.*SYNC_WAIT is "long"/],
    ['a key in the clear, without repeating it', { API_KEYS: 'hunter2' }, /^API_KEYS is wrong(?!.*hunter2)/s],
    ['two keys with one name', { API_KEYS: `a:${'0'.repeat(64)},a:${'1'.repeat(64)}` }, /names that differ/],
    ['an address that everybody can reach', { HOST: '0.0.0.0' }, /HOST is "0\.0\.0\.0".*ALLOW_OPEN/],
    [
      'an address of another machine',
      { HOST: '192.0.2.1', ALLOW_OPEN: 'true' },
      /192\.0\.2\.1.*not an address of this machine/,
    ],
    ['a keys file that is missing', { API_KEYS_FILE: '/nowhere/keys.json' }, /^API_KEYS_FILE \/nowhere.* ENOENT/],
    ['no REDIS_URL', { REDIS_URL: '' }, /^REDIS_URL is not set/],
    ['an invalid base path', { BASE_PATH: 'prod' }, /BASE_PATH is "prod"; expected a path such as \/prod/],
    [
      'a body memory too small for one image',
      { MAX_INFLIGHT_BODY_BYTES: '20mb' },
      /MAX_INFLIGHT_BODY_BYTES.*at least 26/,
    ],
  ])('does not start with %s', async (_, env, message) => {
    const failed = await start(env);
    expect(failed.message).toEqual({ type: 'failed', message: expect.stringMatching(message) });
    expect(await failed.exited).toBe(1);
    expect(JSON.stringify(failed.message) + failed.output()).not.toMatch(/\bat .*\.ts/);
  });

  it('says on standard error why it does not start when it has no parent', async () => {
    const alone = await startApp(MAIN, { PORT: 'many' }, { supervised: false });
    expect(await alone.exited).toBe(1);
    expect(alone.errors()).toMatch(/^The gateway cannot start: PORT is "many".*\n/);
  });

  it('says which Redis it cannot reach, without the password', async () => {
    const failed = await start({ REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' });
    expect(failed.message).toMatchObject({
      message: expect.stringMatching(/^no Redis answers at redis:\/\/127\.0\.0\.1:1 /),
    });
    expect(failed.output()).not.toContain('hunter2');
    expect(await failed.exited).toBe(1);
  });

  it('says which port is taken and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const failed = await start({ PORT: String(port) });
    other.close();
    expect(failed.message).toMatchObject({
      type: 'failed',
      message: expect.stringMatching(`port ${port} .*taken.*PORT`),
    });
    expect(await failed.exited).toBe(1);
  });

  it('with API_KEYS_FILE reads it on SIGHUP and goes on', async () => {
    using file = new TestKeysFile({ name: 'anna' });
    const { child, url, output, exited } = await start({ API_KEYS_FILE: file.path });
    const reads = () => output().split('API_KEYS_FILE read').length - 1;
    child.kill('SIGHUP');
    await expect.poll(reads).toBe(1);
    const status = async () => (await fetch(`${url}/cameras`, { headers: { 'x-api-key': keyOf('anna') } })).status;
    expect(await status()).toBe(200);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s lets the calls in flight end, accepts no others, and exits with 0',
    async (signal) => {
      const release = Promise.withResolvers<void>();
      const taken = Promise.withResolvers<void>();
      const { child, exited, url } = await start();
      await using _ = await startCannedWorker({ redisUrl: redis.url, prefix: PREFIX }, async () => {
        taken.resolve();
        await release.promise;
        return { status: 'failed', error: { code: 'image_undecodable', detail: 'as told' } };
      });
      const idle = await openRaw(Number(new URL(url).port));
      await idle.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await idle.until('"ok"');
      const call = post(url);
      await taken.promise;
      child.kill(signal);
      // The idle connection is closed at once, and new ones are refused.
      await idle.rest();
      await expect(fetch(`${url}/livez`)).rejects.toThrow();
      release.resolve();
      const response = await call;
      expect(response.status).toBe(422);
      expect(response.headers.get('connection')).toBe('close');
      expect(await exited).toBe(0);
    },
  );

  it('answers calls that outlast its grace period with 504 and the location of their result', async () => {
    const { child, exited, url, output } = await start({ SHUTDOWN_GRACE: '100ms' });
    const call = post(url);
    const system = async () => (await (await fetch(`${url}/system`)).json()) as SystemResource;
    await expect.poll(async () => (await system()).queues.interactive.waiting).toBe(1);
    child.kill('SIGTERM');
    const began = performance.now();
    const response = await call;
    expect(response.status).toBe(504);
    // SYNC_WAIT would be 19 s.
    expect(performance.now() - began).toBeLessThan(10_000);
    const problem = (await response.json()) as Problem;
    expect(problem.code).toBe('wait_timeout');
    expect(response.headers.get('location')).toBe(`/jobs/${problem.job_id}`);
    expect(await exited).toBe(0);
    expect(output()).toContain('"status":504');
  });

  it('uses hardly any CPU time while a call waits as long as SYNC_WAIT can be', async () => {
    const { child, url } = await start({ SYNC_WAIT: '1h', QUEUE_PREFIX: '{main-longest}' });
    const abort = new AbortController();
    const call = post(url, {}, abort.signal).catch(() => 'aborted');
    const system = async () => (await (await fetch(`${url}/system`)).json()) as SystemResource;
    await expect.poll(async () => (await system()).queues.interactive.waiting).toBe(1);
    const share = async () => {
      const [usedMs, startedAt] = [cpuMs(child.pid!), performance.now()];
      await delay(2000);
      return (cpuMs(child.pid!) - usedMs) / (performance.now() - startedAt);
    };
    // A wait whose timer runs at once, again and again, uses a fifth of a core; a gateway at rest uses a hundredth, but for what it still
    // does after its start on a slow machine.
    await expect.poll(share).toBeLessThan(0.1);
    expect(await Promise.race([call, 'waiting'])).toBe('waiting');
    abort.abort();
    expect(await call).toBe('aborted');
  });

  it('answers calls that set their own wait with 202 when its grace period is over', async () => {
    const { child, exited, url } = await start({ SHUTDOWN_GRACE: '100ms', QUEUE_PREFIX: '{main-grace}' });
    const call = post(url, { prefer: 'wait=60' });
    const system = async () => (await (await fetch(`${url}/system`)).json()) as SystemResource;
    await expect.poll(async () => (await system()).queues.interactive.waiting).toBe(1);
    const id = (await (await post(url, { prefer: 'respond-async' })).json()) as JobResource;
    const poll = fetch(`${url}/jobs/${id.id}?wait=60`);
    const stream = await fetch(`${url}/jobs/${id.id}/events`);
    // The call and the poll.
    const waits = async () =>
      seriesValue(parseExposition(await (await fetch(`${url}/metrics`)).text()), 'facequeue_open_waits', {
        kind: 'wait',
      });
    await expect.poll(waits).toBe(2);
    child.kill('SIGTERM');
    const response = await call;
    expect([response.status, response.headers.get('location')]).toEqual([
      202,
      `/jobs/${response.headers.get('x-job-id')}`,
    ]);
    const polled = await poll;
    expect([polled.status, Number(polled.headers.get('retry-after')) > 0]).toEqual([200, true]);
    expect(await stream.text()).toMatch(/event: status\n.*\n\nretry: \d+\n\n$/s);
    expect(await exited).toBe(0);
  });

  it('knows idempotency keys after a crash and a restart', async () => {
    const env = { QUEUE_PREFIX: '{main-keys}' };
    const headers = { 'idempotency-key': '"k"', prefer: 'respond-async' };
    const first = await start(env);
    const { id } = (await (await post(first.url, headers)).json()) as JobResource;
    first.child.kill('SIGKILL');
    await first.exited;
    const second = await start(env);
    expect(await (await post(second.url, headers)).json()).toMatchObject({ id, status: 'queued' });
  });

  it('does not wait for a client that goes on sending', async () => {
    const { child, exited, url } = await start({ SHUTDOWN_GRACE: '100ms' });
    using connection = await openRaw(Number(new URL(url).port));
    await connection.send(
      'POST /face_detection HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n',
    );
    await connection.until('100 Continue');
    child.kill('SIGTERM');
    const began = performance.now();
    expect(await exited).toBe(0);
    // Its last answers have a second.
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
