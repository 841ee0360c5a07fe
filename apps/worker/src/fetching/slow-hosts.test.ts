/** One real worker, and hosts that drip, say nothing, or whose names never resolve. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { NewJob } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { type DnsServer, startDnsServer } from '../../../../test/support/servers/dns-server.ts';
import { freshInstallation, type TestInstallation } from '../testing/installation.ts';
import { startTestWorker } from '../testing/worker-process.ts';

const PORTRAIT = new Uint8Array(readFileSync(new URL('../../../../test/images/portrait-1.jpg', import.meta.url)));

let redis: TestRedis;
let names: DnsServer;
beforeAll(async () => {
  redis = await startRedis();
  names = await startDnsServer({
    'good.test': { A: ['127.0.0.1'] },
    'drips.test': { A: ['127.0.0.2'] },
    'silent.test': { A: ['127.0.0.3'] },
    ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`never-${i}.test`, 'silent' as const])),
  });
});
afterAll(async () => {
  await names[Symbol.asyncDispose]();
  await redis.stop();
});

async function listen(address: string, listener: RequestListener) {
  const server = createServer(listener).listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const drip: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': PORTRAIT.length });
  const timer = setInterval(() => response.write('.'), 500);
  response.on('close', () => clearInterval(timer));
};

/** An installation with a worker of one engine, and three kinds of hosts that never serve an image. */
async function openScene() {
  await using stack = new AsyncDisposableStack();
  const dripping = stack.use(await listen('127.0.0.2', drip));
  const silent = stack.use(await listen('127.0.0.3', () => {}));
  const good = stack.use(await listen('127.0.0.1', (_, response) => response.end(PORTRAIT)));
  const fresh = stack.use(await freshInstallation(redis));
  const worker = stack.use(
    await startTestWorker({
      ...fresh.env,
      SOURCE_ALLOW: '127.0.0.0/8',
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('../../../../test/support/servers/name-servers-hook.ts', import.meta.url))}`,
      TEST_NAME_SERVER: names.address,
    }),
  );
  const bad = Array.from({ length: 40 }, (_, i) => [
    `http://drips.test:${dripping.port}/${i}`,
    `http://never-${i}.test/`,
    `http://silent.test:${silent.port}/${i}`,
  ]).flat();
  const kept = stack.move();
  return {
    fresh,
    worker,
    bad,
    goodUrl: `http://good.test:${good.port}/`,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const submitAll = (fresh: TestInstallation, urls: string[], queue: QueueName) =>
  Promise.all(urls.map((url) => fresh.submit({ queue, source: { kind: 'url', url } })));

async function succeeds(fresh: TestInstallation, source: NewJob['source']) {
  const id = await fresh.submit({ source });
  using wait = fresh.queue.wait(id);
  expect(await wait.ended(40_000)).toMatchObject({ status: 'succeeded', attempts: 1 });
}

describe('images of hosts that drip, say nothing or whose names never resolve', () => {
  it.each(['interactive', 'bulk'] as const)('in the queue %s delay no other', async (queue) => {
    await using scene = await openScene();
    const { fresh, bad, goodUrl } = scene;
    const ids = await submitAll(fresh, bad, queue);
    for (let i = 0; i < 5; i++) {
      await succeeds(fresh, { kind: 'inline', bytes: PORTRAIT });
      await succeeds(fresh, { kind: 'url', url: goodUrl });
    }
    // These came before. At four fetches a host, each for 5 or 10 s, they take a minute and more.
    const states = await Promise.all(ids.map(async (id) => (await fresh.queue.read(id))!.status));
    expect(states.filter((status) => status === 'queued').length).toBeGreaterThan(20);
  });

  it('are left to other workers by one that stops, those apart that it is fetching', async () => {
    await using scene = await openScene();
    const { fresh, worker, bad } = scene;
    const dripping = bad.filter((url) => url.includes('drips'));
    const ids = await submitAll(fresh, dripping, 'interactive');
    const records = () => Promise.all(ids.map(async (id) => (await fresh.queue.read(id))!));
    const claimed = async () => (await records()).filter(({ attempts }) => attempts > 0).length;
    await expect.poll(claimed, { timeout: 20_000 }).toBe(40);
    const began = performance.now();
    expect(await worker.end('SIGTERM')).toBe(0);
    // Four at a time, each for 5 s, would take longer than SHUTDOWN_GRACE, 25 s.
    expect(performance.now() - began).toBeLessThan(18_000);
    const ended = (await records()).filter(({ status }) => status === 'failed').length;
    expect(ended).toBeLessThanOrEqual(8);
    expect((await records()).filter(({ status }) => status === 'queued')).toHaveLength(40 - ended);
  });

  it('end with what was slow', async () => {
    await using scene = await openScene();
    const { fresh, bad } = scene;
    const ids = await submitAll(fresh, bad.slice(0, 3), 'interactive');
    const details = ids.map(async (id) => {
      using wait = fresh.queue.wait(id);
      const { status, error } = (await wait.ended(30_000))!;
      return [status, error?.code, error?.detail];
    });
    expect(await Promise.all(details)).toEqual([
      ['failed', 'source_timeout', 'the image host sent less than 20000 bytes of the image in 5 s'],
      ['failed', 'source_timeout', "the image host's name was not looked up in time"],
      ['failed', 'source_timeout', 'the image host did not answer within 10 s'],
    ]);
  });
});
