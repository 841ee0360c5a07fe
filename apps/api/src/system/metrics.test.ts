import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  startCannedWorker,
  startTestGateway,
  startWebhookWorker,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const IMAGE = { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'image' };

/** What a Prometheus server reads. */
async function scrape({ url }: Pick<TestGateway, 'url'>) {
  const response = await fetch(`${url}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; ?version=0\.0\.4; ?charset=utf-8$/),
  ]);
  const families = parseExposition(await response.text());
  return { families, value: (...series: [string, Record<string, string>?]) => seriesValue(families, ...series) };
}

const detect = (at: TestGateway, more: Record<string, string> = {}, query = '') =>
  fetch(`${at.url}/face_detection${query}`, { ...IMAGE, headers: { ...IMAGE.headers, ...more } });

/** Polls the count of one series of requests: a request is counted when its answer is out. */
const requests = (at: TestGateway, route: string, method: string, status: string) =>
  expect.poll(async () => {
    const { families } = await scrape(at);
    const { samples } = families.get('facequeue_http_request_duration_seconds')!;
    const wanted = { route, method, status };
    return samples.find(
      ({ name, labels }) =>
        name.endsWith('_count') && Object.entries(wanted).every(([label, value]) => labels[label] === value),
    )?.value;
  });

describe('GET /metrics', () => {
  it('counts requests by their route, never by what the caller wrote', async () => {
    await using at = await startTestGateway(redis.url);
    await using _ = await startCannedWorker(at);
    expect((await detect(at)).status).toBe(200);
    expect((await detect(at, {}, '?colour=red')).status).toBe(400);
    for (const path of ['/jobs/0192aaaa', '/jobs/0192bbbb', '/nowhere', '/no/where/else'])
      expect((await fetch(at.url + path)).status).toBe(404);
    await fetch(`${at.url}/jobs/0192cccc`, { method: 'PATCH' });
    await requests(at, '/face_detection', 'POST', '200').toBe(1);
    await requests(at, '/face_detection', 'POST', '400').toBe(1);
    await requests(at, '/jobs/{id}', 'GET', '404').toBe(2);
    await requests(at, 'none', 'GET', '404').toBe(2);
    await requests(at, '/jobs/{id}', 'other', '405').toBe(1);
    const { value } = await scrape(at);
    expect(value('facequeue_http_errors_total', { code: 'not_found' })).toBe(4);
    expect(value('facequeue_http_errors_total', { code: 'invalid_request' })).toBe(1);
  });

  it('counts bytes that are not HTTP as errors too', async () => {
    await using at = await startTestGateway(redis.url);
    const response = await fetch(at.url, { headers: { 'x-long': 'x'.repeat(20_000) } });
    expect(response.status).toBe(431);
    expect((await scrape(at)).value('facequeue_http_errors_total', { code: 'headers_too_large' })).toBe(1);
  });

  it('counts the ends reported to callers, by queue', async () => {
    await using at = await startTestGateway(redis.url);
    const failing = { status: 'failed', error: { code: 'image_undecodable', detail: '' } } as const;
    await using _ = await startCannedWorker(at, ({ queue }) => (queue === 'bulk' ? failing : CANNED_OUTCOME));
    const once = { 'idempotency-key': '"once"' };
    const id = (await detect(at, once)).headers.get('x-job-id');
    await detect(at, once);
    await detect(at, {}, '?priority=bulk');
    await fetch(`${at.url}/jobs/${id}`);
    using events = await readEvents(`${at.url}/jobs/${id}/events`);
    await events.rest();
    const { value } = await scrape(at);
    expect(value('facequeue_jobs_accepted_total', { queue: 'interactive' })).toBe(1);
    expect(value('facequeue_jobs_accepted_total', { queue: 'bulk' })).toBe(1);
    expect(value('facequeue_jobs_told_total', { queue: 'interactive', status: 'succeeded' })).toBe(4);
    expect(value('facequeue_jobs_told_total', { queue: 'bulk', status: 'failed' })).toBe(1);
  });

  it('shows open waits and streams', async () => {
    await using at = await startTestGateway(redis.url);
    const kind = async () => {
      const { value } = await scrape(at);
      return [value('facequeue_open_waits', { kind: 'wait' }), value('facequeue_open_waits', { kind: 'follow' })];
    };
    const calls = [detect(at), detect(at)];
    await expect.poll(kind).toEqual([2, 0]);
    const id = (await detect(at, { prefer: 'respond-async' })).headers.get('x-job-id');
    {
      using events = await readEvents(`${at.url}/jobs/${id}/events`);
      await events.next();
      expect(await kind()).toEqual([2, 1]);
    }
    await expect.poll(kind).toEqual([2, 0]);
    await using _ = await startCannedWorker(at);
    await Promise.all(calls);
    await expect.poll(kind).toEqual([0, 0]);
  });

  it('shows waiting jobs, workers, and how many workers are needed', async () => {
    await using at = await startTestGateway(redis.url);
    await Promise.all([detect(at, { prefer: 'respond-async' }), detect(at, { prefer: 'respond-async' })]);
    await detect(at, { prefer: 'respond-async' }, '?priority=bulk');
    await fetch(`${at.url}/cameras/door/frames`, IMAGE);
    await using _ = await startWebhookWorker(at);
    const state = { state: 'waiting' };
    await expect.poll(async () => (await scrape(at)).value('facequeue_workers')).toBe(1);
    const { value, families } = await scrape(at);
    expect(value('facequeue_redis_up')).toBe(1);
    expect(value('facequeue_jobs', { queue: 'interactive', ...state })).toBe(2);
    expect(value('facequeue_jobs', { queue: 'bulk', ...state })).toBe(1);
    expect(value('facequeue_jobs', { queue: 'cameras', ...state })).toBe(1);
    expect(value('facequeue_jobs', { queue: 'cameras', state: 'processing' })).toBe(0);
    expect(value('facequeue_oldest_waiting_seconds', { queue: 'interactive' })).toBeGreaterThan(0);
    expect(value('facequeue_blob_bytes')).toBe(4 * IMAGE.body.length);
    expect(value('facequeue_cameras')).toBe(1);
    expect(value('facequeue_workers_serving', { queue: 'webhooks' })).toBe(1);
    expect(value('facequeue_workers_serving', { queue: 'interactive' })).toBe(0);
    expect(value('facequeue_engines', { state: 'all' })).toBe(0);
    expect(families.has('facequeue_engine_load')).toBe(false);
    expect(value('facequeue_desired_workers', { queue: 'interactive' })).toBe(1);
    expect(value('facequeue_queue_full', { queue: 'interactive' })).toBe(0);
    expect(value('facequeue_info', { app: 'gateway', version: '0.1.0', node: process.version })).toBe(1);

    await using _looking = await startCannedWorker(at);
    await expect
      .poll(async () => (await scrape(at)).value('facequeue_jobs', { queue: 'interactive', ...state }))
      .toBe(0);
    await expect.poll(async () => (await scrape(at)).value('facequeue_result_bytes')).toBeGreaterThan(0);
    const later = await scrape(at);
    expect(later.value('facequeue_engines', { state: 'all' })).toBe(1);
    expect(later.value('facequeue_engine_load')).toBe(0);
    expect(later.value('facequeue_drain_rate', { queue: 'interactive' })).toBeGreaterThan(0);
  });

  it('counts refusals by limit', async () => {
    await using at = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '3' });
    for (const expected of [202, 202, 503]) {
      const { status } = await detect(at, { prefer: 'respond-async', 'idempotency-key': `"${Math.random()}"` });
      expect(status).toBe(expected);
    }
    // The snapshot refuses this one, once it is fresh.
    await expect.poll(async () => (await scrape(at)).value('facequeue_queue_full', { queue: 'interactive' })).toBe(1);
    expect((await detect(at, { prefer: 'respond-async' })).status).toBe(503);
    const { value } = await scrape(at);
    expect(value('facequeue_refused_total', { reason: 'waiting' })).toBe(2);
    expect(value('facequeue_refused_total', { reason: 'blob_bytes' })).toBe(0);
    expect(value('facequeue_http_errors_total', { code: 'queue_full' })).toBe(2);
  });

  it('counts the items of batches', async () => {
    await using at = await startTestGateway(redis.url);
    const ndjson = { 'content-type': 'application/x-ndjson' };
    const made = await fetch(`${at.url}/batches?open=true`, { method: 'POST' });
    const { id } = (await made.json()) as { id: string };
    const lines = [{ id: 'a', url: 'https://example.com/a.jpg' }, { id: 'a', url: 'https://example.com/a.jpg' }, {}];
    await fetch(`${at.url}/batches/${id}/items`, {
      method: 'POST',
      headers: ndjson,
      body: lines.map((line) => JSON.stringify(line)).join('\n'),
    });
    const { value } = await scrape(at);
    for (const outcome of ['accepted', 'skipped', 'failed'])
      expect(value('facequeue_batch_items_total', { outcome }), outcome).toBe(1);
    const waiting = async () => (await scrape(at)).value('facequeue_jobs', { queue: 'bulk', state: 'waiting' });
    await expect.poll(waiting).toBe(1);
  });

  it('answers while Redis is unreachable, without the figures of the installation', async () => {
    await using own = await startRedis();
    await using at = await startTestGateway(own.url);
    await own.pause();
    await expect.poll(async () => (await scrape(at)).value('facequeue_redis_up'), { timeout: 20_000 }).toBe(0);
    // It waits 2 s for Redis; Prometheus gives a scrape 10.
    const began = performance.now();
    expect((await scrape(at)).value('facequeue_redis_up')).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    const away = await scrape(at);
    expect(away.families.has('facequeue_jobs')).toBe(false);
    expect(away.value('process_resident_memory_bytes')).toBeGreaterThan(0);
    await own.resume();
    await expect.poll(async () => (await scrape(at)).value('facequeue_redis_up'), { timeout: 20_000 }).toBe(1);
  });

  it('needs a key where keys are configured, and also answers outside BASE_PATH', async () => {
    const hash = createHash('sha256').update('secret').digest('hex');
    await using at = await startTestGateway(redis.url, { API_KEYS: `prometheus:${hash}`, BASE_PATH: '/prod' });
    const root = at.url.replace(/\/prod$/, '');
    for (const url of [root, at.url]) {
      expect((await fetch(`${url}/metrics`)).status).toBe(401);
      // As Prometheus sends its `authorization.credentials`.
      expect((await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer secret' } })).status).toBe(200);
    }
  });

  it('shares no count with another gateway in the same process', async () => {
    await using one = await startTestGateway(redis.url);
    await using other = await startTestGateway(redis.url);
    await fetch(`${one.url}/nowhere`);
    expect((await scrape(one)).value('facequeue_http_errors_total', { code: 'not_found' })).toBe(1);
    expect((await scrape(other)).value('facequeue_http_errors_total', { code: 'not_found' })).toBe(0);
  });
});
