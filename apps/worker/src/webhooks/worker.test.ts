/** Webhooks from a worker process, with real images, signals and kills. */
import { readFileSync } from 'node:fs';
import { JobEvent } from '@facequeue/schema';
import { jobResource } from '@facequeue/schema/job-resource';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { startDeafServer } from '../../../../test/support/servers/deaf-server.ts';
import { freshInstallation } from '../testing/installation.ts';
import { startTestWorker } from '../testing/worker-process.ts';
import { startReceiver } from './testing/receiver.ts';

const ASTRONAUT = readFileSync(new URL('../../../../test/images/astronaut.png', import.meta.url));
const SECRET = `whsec_${Buffer.alloc(32, 's').toString('base64')}`;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A fresh installation whose jobs have webhooks. */
async function installation() {
  const fresh = await freshInstallation(redis);
  const submit = (webhookUrl: string) =>
    fresh.submit({ source: { kind: 'inline', bytes: ASTRONAUT }, owner: 'shop', webhookUrl });
  const settled = (id: string, status: string) =>
    vi.waitFor(async () => expect((await fresh.queue.read(id))!.webhook!.status).toBe(status), { timeout: 20_000 });
  const env = { ...fresh.env, WEBHOOK_SECRETS: `shop=${SECRET}`, SOURCE_ALLOW: '127.0.0.1' };
  return { ...fresh, submit, settled, env };
}

describe('a worker', () => {
  it('posts the faces of an image, as GET /jobs/{id} shows them, and logs neither secret nor address', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    const worker = await startTestWorker({ ...here.env, BASE_PATH: '/prod' });
    const id = await here.submit(receiver.url);
    await receiver.got(1);
    await here.settled(id, 'delivered');
    const { body, headers } = receiver.messages[0]!;
    const event = JobEvent.parse(new Webhook(SECRET).verify(body, headers));
    expect(event.data.result!.Faces).toHaveLength(1);
    const record = (await here.queue.read(id))!;
    expect(event.data).toEqual(JSON.parse(JSON.stringify(jobResource({ ...record, webhook: null }, '/prod'))));
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(worker.log()).toContain(`"job_id":"${id}","request_id":"req-1","attempt":1,"receiver":"${receiver.host}"`);
    for (const hidden of [SECRET, SECRET.slice(6), 't0ken', '/hook']) expect(worker.log()).not.toContain(hidden);
  });

  it('for webhooks alone starts no engine, and leaves images to others', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    const worker = await startTestWorker({ ...here.env, WORKER_QUEUES: 'webhooks' });
    const [id, image] = [await here.submit(receiver.url), await here.submit(receiver.url)];
    await here.queue.cancel(id);
    await receiver.got(1);
    await here.settled(id, 'delivered');
    expect(await here.queue.read(image)).toMatchObject({ status: 'queued', attempts: 0 });
    expect(worker.engines()).toEqual([]);
    expect((await here.queue.snapshot()).workers).toMatchObject([{ queues: ['webhooks'], engines: 0, device: null }]);
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  it('posts to no receiver that SOURCE_ONLY does not have', async () => {
    await using here = await installation();
    await using listed = await startReceiver();
    await using other = await startReceiver();
    await using _ = await startTestWorker({ ...here.env, WORKER_QUEUES: 'webhooks', SOURCE_ONLY: listed.host });
    const refused = await here.submit(other.url);
    const id = await here.submit(listed.url);
    for (const job of [refused, id]) await here.queue.cancel(job);
    await here.settled(id, 'delivered');
    const error = expect.stringContaining('SOURCE_ONLY');
    await vi.waitFor(
      async () => expect((await here.queue.read(refused))!.webhook!.attempts).toMatchObject([{ status: null, error }]),
      { timeout: 20_000 },
    );
    expect(other.messages).toEqual([]);
  });

  it('for images alone leaves webhooks to others', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    await using _images = await startTestWorker({ ...here.env, WORKER_QUEUES: 'interactive' });
    const id = await here.submit(receiver.url);
    await vi.waitFor(async () => expect((await here.queue.read(id))!.status).toBe('succeeded'), { timeout: 20_000 });
    expect((await here.queue.read(id))!.webhook).toMatchObject({ status: 'pending', attempts: [] });
    await using _webhooks = await startTestWorker({ ...here.env, WORKER_QUEUES: 'webhooks' });
    await receiver.got(1);
    expect(receiver.messages).toHaveLength(1);
  });

  it('waits for a connection to a receiver as long as SOURCE_CONNECT_TIMEOUT says', async () => {
    await using here = await installation();
    await using deaf = await startDeafServer();
    const env = { WORKER_QUEUES: 'webhooks', SOURCE_CONNECT_TIMEOUT: '1s', WEBHOOK_TIMEOUT: '60s' };
    await using _ = await startTestWorker({ ...here.env, ...env });
    const id = await here.submit(`http://${deaf.host}/hook`);
    await here.queue.cancel(id);
    const attempts = async () => (await here.queue.read(id))!.webhook!.attempts;
    await expect.poll(attempts, { timeout: 20_000 }).toMatchObject([{ status: null }]);
    const { ms } = (await attempts())[0]!;
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(10_000);
  });

  it('whose only place a silent receiver has posts to another one after a second', async () => {
    await using here = await installation();
    await using silent = await startReceiver(() => 'hang');
    await using receiver = await startReceiver();
    const env = { WORKER_QUEUES: 'webhooks', WEBHOOK_CONCURRENCY: '1', WEBHOOK_TIMEOUT: '60s', SHUTDOWN_GRACE: '1s' };
    await using _ = await startTestWorker({ ...here.env, ...env });
    for (const { url, got } of [silent, receiver]) {
      await here.queue.cancel(await here.submit(url));
      if (url === silent.url) await got(1);
    }
    const began = performance.now();
    await receiver.got(1);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('that is told to stop lets a webhook in flight end first', async () => {
    await using here = await installation();
    let answer = () => {};
    await using receiver = await startReceiver(() => (response) => (answer = () => response.writeHead(200).end()));
    const worker = await startTestWorker({ ...here.env, WORKER_QUEUES: 'webhooks' });
    const id = await here.submit(receiver.url);
    await here.queue.cancel(id);
    await receiver.got(1);
    const ended = worker.end('SIGTERM');
    await expect.poll(() => worker.log()).toContain('"stopping"');
    answer();
    expect(await ended).toBe(0);
    expect((await here.queue.read(id))!.webhook).toMatchObject({ status: 'delivered', attempts: [{ status: 200 }] });
  });

  it('killed between the post and its report leaves the webhook to another, which posts it again with the same id when the lease ends', async () => {
    await using here = await installation();
    await using receiver = await startReceiver((count) => (count === 1 ? 'hang' : 200));
    const env = { ...here.env, WORKER_QUEUES: 'webhooks', WEBHOOK_TIMEOUT: '1s' };
    const worker = await startTestWorker(env);
    const id = await here.submit(receiver.url);
    await here.queue.cancel(id);
    await receiver.got(1);
    const posted = performance.now();
    await worker.end('SIGKILL');
    await using _next = await startTestWorker(env);
    await receiver.got(2);
    // The lease: WEBHOOK_TIMEOUT + 5 s.
    expect(performance.now() - posted).toBeGreaterThan(5000);
    expect(performance.now() - posted).toBeLessThan(24_000);
    await here.settled(id, 'delivered');
    const [first, second] = receiver.messages.map(({ headers, body }) => ({ id: headers['webhook-id'], body }));
    expect(second).toEqual(first);
    expect(first!.id).toBe(`msg_${id}`);
  });
});
