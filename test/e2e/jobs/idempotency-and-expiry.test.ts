/** Idempotency keys, results and their expiry, which leaves nothing behind. */
import { createHash, randomUUID } from 'node:crypto';
import type { DetectionResult, JobResource, Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver } from '../../../apps/worker/src/webhooks/testing/receiver.ts';
import { freePort } from '../../support/processes/free-port.ts';
import { type StallingServer, startStallingServer } from '../../support/servers/stalling-server.ts';
import { ACTIVE_JOBS, body, CAT, madeBy, occupy, type Pair, PORTRAIT, post, startPair, submit } from './pair.ts';

const KEYS = { shop: 'key of shop', park: 'key of park' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let stalling: StallingServer;
let pair: Pair;

beforeAll(async () => {
  stalling = await startStallingServer(PORTRAIT);
  pair = await startPair({
    SOURCE_ALLOW: '127.0.0.1',
    SOURCE_TIMEOUT: '5m',
    WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 'k').toString('base64')}`,
  });
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await stalling?.[Symbol.asyncDispose]();
});

const key = (text: string = randomUUID()) => ({ 'idempotency-key': JSON.stringify(text) });

describe('everything stored', () => {
  it('is removed from Redis when it expires: jobs in every final status, images, keys, webhooks, tombstones', {
    timeout: 120_000,
  }, async () => {
    // Results of these gateways expire after four seconds.
    const [here, there, hasty] = await Promise.all([
      pair.gateway({ RESULT_TTL: '4s' }),
      pair.gateway({ RESULT_TTL: '4s' }),
      pair.gateway({ RESULT_TTL: '4s', START_WITHIN: '300ms' }),
    ]);
    const { client } = there;
    await using receiver = await startReceiver();
    const keys = async () => {
      const all = (await pair.inside.keys('*')).map((name) => name.slice(pair.prefix.length)).sort();
      // BullMQ sets this marker for a moment when it polls a queue.
      return all.filter((name) => !name.endsWith(':stalled-check') && !name.endsWith(':marker'));
    };
    // One full pass first, so that the permanent keys of an installation exist.
    for (const query of ['', '?priority=bulk']) await body(await post(here, PORTRAIT, {}, { query }), 200);
    await expect.poll(pair.jobs, { timeout: 20_000 }).toEqual([]);
    const before = await keys();
    expect(before).toContain(':bull:bulk:events');

    const hook = `?webhook_url=${encodeURIComponent(receiver.url)}`;
    const succeeded = await Promise.all(Array.from({ length: 20 }, () => submit(here, PORTRAIT, key(), hook)));
    const failed = await submit(here, PORTRAIT.subarray(0, 5000), key(), hook);
    await Promise.all([...succeeded, failed].map(({ id }) => client.wait(id)));
    const release = await occupy({ ...pair, here });
    const [canceled, erased, expired] = [
      await submit(here, PORTRAIT, key(), hook),
      await submit(here, PORTRAIT, key(), hook),
      await submit(hasty, PORTRAIT, key(), hook),
    ];
    await client.cancel(canceled.id);
    await client.erase(erased.id);
    expect(await client.wait(expired.id)).toMatchObject({ status: 'expired', error: { code: 'expired' } });
    await release();
    await receiver.got(succeeded.length + 3);

    await expect.poll(keys, { timeout: 30_000 }).toEqual(before);
    for (const { id } of [succeeded[0]!, failed, canceled, expired]) {
      const answer = await fetch(`${there.url}/jobs/${id}`);
      expect(await body<Problem>(answer, 410)).toMatchObject({ code: 'gone' });
    }
    // Its tombstone is gone, too.
    expect((await fetch(`${there.url}/jobs/${erased.id}`, { method: 'DELETE' })).status).toBe(410);
  });
});

describe('the same Idempotency-Key', () => {
  it('makes one job of fifty concurrent calls to both gateways', async () => {
    const before = await pair.jobs();
    const once = key();
    const calls = Array.from({ length: 50 }, (_, i) => post([pair.here, pair.there][i % 2]!, PORTRAIT, once));
    const answers = await Promise.all(calls);
    const results = await Promise.all(answers.map((answer) => body<DetectionResult>(answer, 200)));
    expect(new Set(answers.map((answer) => answer.headers.get('x-job-id'))).size).toBe(1);
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0]!.Faces).toHaveLength(1);
    expect((await pair.jobs()).filter((id) => !before.includes(id))).toHaveLength(1);
  });

  it('is refused for another image or other options, and returns the same job for the same content in another form', async () => {
    const once = key();
    const { id } = await submit(pair.here, PORTRAIT, once);
    for (const [image, query] of [
      [CAT, ''],
      [PORTRAIT, '?max_faces=1'],
      [PORTRAIT, '?priority=bulk'],
      [{ url: stalling.url('/portrait.jpg') }, ''],
    ] as const) {
      const refused = await post(pair.there, image, once, { query });
      expect(await body<Problem>(refused, 422)).toMatchObject({ code: 'idempotency_conflict' });
    }
    const base64 = await fetch(`${pair.there.url}/face-detection?profile=balanced`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...once },
      body: JSON.stringify({ img: Buffer.from(PORTRAIT).toString('base64') }),
    });
    await body(base64, 200);
    expect(base64.headers.get('x-job-id')).toBe(id);
  });

  it('returns a failed job again, with its error', async () => {
    const once = key();
    const half = PORTRAIT.subarray(0, 5000);
    const first = await post(pair.here, half, once);
    const failure = await body<Problem>(first, 422);
    expect(failure.code).toBe('image_undecodable');
    expect(await body<Problem>(await post(pair.there, half, once), 422)).toEqual(failure);
    expect(await submit(pair.there, half, once)).toMatchObject({ id: failure.job_id, status: 'failed' });
  });

  it('is known to a gateway that replaces a killed one, while the job is queued and afterwards', async () => {
    const PORT = String(await freePort());
    const doomed = await pair.gateway({ PORT });
    const once = key();
    const release = await occupy(pair);
    let call!: Promise<unknown>;
    const id = await madeBy(pair, () => {
      call = post(doomed, PORTRAIT, once).catch(() => 'broken');
    });
    await doomed.end('SIGKILL');
    expect(await call).toBe('broken');
    const next = await pair.gateway({ PORT });
    expect(await submit(next, PORTRAIT, once)).toMatchObject({ id, status: 'queued' });
    const again = post(next, PORTRAIT, once);
    await release();
    expect((await body<DetectionResult>(await again, 200)).Faces).toHaveLength(1);
    for (const gateway of [pair.here, next]) expect(await submit(gateway, PORTRAIT, once)).toMatchObject({ id });
  });

  it('is separate for each API key, and the same on every path', async () => {
    const hashes = Object.entries(KEYS).map(([name, secret]) => `${name}:${sha256(secret)}`);
    const guarded = await pair.gateway({ API_KEYS: hashes.join() });
    const once = key();
    const shop = await submit(guarded, PORTRAIT, { 'x-api-key': KEYS.shop, ...once });
    const park = await submit(guarded, CAT, { 'x-api-key': KEYS.park, ...once });
    expect(park.id).not.toBe(shop.id);
    const path = await fetch(`${guarded.url}/invocations`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg', 'x-api-key': KEYS.shop, prefer: 'respond-async', ...once },
      body: PORTRAIT,
    });
    expect((await body<JobResource>(path, 202)).id).toBe(shop.id);
    // And neither sees the other's job.
    const theirs = await fetch(`${guarded.url}/jobs/${shop.id}`, { headers: { 'x-api-key': KEYS.park } });
    expect(theirs.status).toBe(410);
  });

  it('is not reserved by a call that is refused', async () => {
    // Half of those that occupy the workers are inside engines, the others wait.
    const full = await pair.gateway({ MAX_WAITING_JOBS: String(ACTIVE_JOBS / 2) });
    const release = await occupy(pair);
    const once = key();
    const refused = await post(full, PORTRAIT, once);
    expect(await body<Problem>(refused, 503)).toMatchObject({ code: 'queue_full' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await release();
    await body(await post(full, CAT, once), 200);
  });
});
