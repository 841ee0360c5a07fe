import { createHash } from 'node:crypto';
import type { JobResource } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const RECEIVER = 'https://hooks.example.org/faces?x=1';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

function post(at: TestGateway, webhookUrl: string, key = '') {
  return fetch(`${at.url}/face_detection?webhook_url=${encodeURIComponent(webhookUrl)}`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', prefer: 'respond-async', 'x-api-key': key },
    body: 'image',
  });
}

describe('webhook_url', () => {
  it('is stored with the job, which shows the state of its webhook', async () => {
    await using at = await startTestGateway(redis.url, { WEBHOOK_SECRETS: SECRET });
    const response = await post(at, ` ${RECEIVER}#part`);
    expect(response.status).toBe(202);
    const job = (await response.json()) as JobResource;
    expect(job.webhook).toEqual({ url: RECEIVER, status: 'waiting', attempts: [], next_at: null });
    expect(await (await fetch(at.url + job.links.self)).json()).toEqual(job);
    await fetch(at.url + job.links.cancel, { method: 'POST' });
    expect(await (await fetch(at.url + job.links.self)).json()).toMatchObject({ webhook: { status: 'pending' } });
    expect(JSON.stringify(at.lines)).not.toContain('hooks.example');
  });

  it('is refused if no secret can sign for the caller, and the error says so', async () => {
    await using open = await startTestGateway(redis.url);
    const refused = await post(open, RECEIVER);
    expect(await refused.json()).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/WEBHOOK_SECRETS.*without a key/),
    });

    const keyed = (name: string) => `${name}:${createHash('sha256').update(name).digest('hex')}`;
    await using at = await startTestGateway(redis.url, {
      API_KEYS: `${keyed('shop')},${keyed('archive')}`,
      WEBHOOK_SECRETS: `shop=${SECRET},${SECRET}`,
    });
    expect((await post(at, RECEIVER, 'shop')).status).toBe(202);
    const other = await post(at, RECEIVER, 'archive');
    expect(await other.json()).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/WEBHOOK_SECRETS.*archive/),
    });
    await expect.poll(async () => (await at.queue.snapshot()).queues.interactive.waiting).toBe(1);
  });

  it.each([
    'ftp://example.org/',
    '/hook',
    'example.org',
    'https:',
    'https://user:password@example.org/',
    'http://example.org:0/',
    `https://example.org/${'x'.repeat(2048)}`,
    'https://exa\nmple.org/',
  ])('%j is refused', async (url) => {
    await using at = await startTestGateway(redis.url, { WEBHOOK_SECRETS: SECRET });
    const response = await post(at, url);
    expect(await response.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      detail: expect.stringMatching(/webhook_url/),
    });
  });
});
