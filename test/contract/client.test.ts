/** The client against a real gateway over a real Redis: what one says, the other understands. */
import { createHash } from 'node:crypto';
import { createClient } from '@facequeue/client';
import type { Outcome } from '@facequeue/queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const KEY = 'key of shop';

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let outcome: Outcome = CANNED_OUTCOME;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    BASE_PATH: '/prod',
    API_KEYS: `shop:${createHash('sha256').update(KEY).digest('hex')}`,
  });
  worker = await startCannedWorker(gateway, () => outcome);
});

afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

const client = (more: { apiKey?: string } = { apiKey: KEY }) => createClient({ baseUrl: gateway.url, ...more });

describe('the client and the gateway', () => {
  it('agree on every form of an image', async () => {
    const before = worker.seen.length;
    const images = [
      { bytes: BYTES },
      { bytes: new Blob([BYTES]) },
      { base64: Buffer.from(BYTES).toString('base64') },
      { url: 'https://example.org/a.jpg' },
    ];
    for (const image of images) expect(await client().detect(image)).toMatchObject(CANNED_RESULT);
    const seen = worker.seen.slice(before);
    expect(seen.map(({ bytes }) => bytes && Buffer.compare(bytes, BYTES))).toEqual([0, 0, 0, null]);
    expect(seen[3]!.job.source).toEqual({ kind: 'url', url: 'https://example.org/a.jpg' });
  });

  it('agree on every option', async () => {
    const options = {
      profile: 'small-faces',
      max_faces: 7,
      min_confidence: 0.5,
      min_face_size: 12.5,
      landmarks: false,
      attributes: false,
    } as const;
    await client().detect({ bytes: BYTES }, { ...options, priority: 'bulk' });
    expect(worker.seen.at(-1)!.job).toMatchObject({ queue: 'bulk', options: { ...options, orient: true } });
  });

  it('agree on jobs, the system and readiness', async () => {
    const { jobId } = await client().detect({ bytes: BYTES });
    expect(await client().job(jobId!)).toMatchObject({ id: jobId, status: 'succeeded', result: CANNED_RESULT });
    expect(await client().system()).toMatchObject({ device: 'cpu', workers: [{ device: 'cpu' }] });
    expect(await client().ready()).toEqual({ status: 'ready', workers: 1 });
  });

  it('agree on errors', async () => {
    outcome = { status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } };
    const failure = await client()
      .detect({ bytes: BYTES })
      .catch((error) => error);
    outcome = CANNED_OUTCOME;
    expect(failure).toMatchObject({ code: 'image_undecodable', message: 'half an image' });
    expect(await client().job(failure.jobId)).toMatchObject({ status: 'failed', error: { code: 'image_undecodable' } });
    await expect(client({}).system()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(client().job('no-id')).rejects.toMatchObject({ code: 'not_found' });
    await expect(client().detect({ base64: '!' })).rejects.toMatchObject({ code: 'invalid_base64' });
    await expect(client().detect({ url: 'file:///etc/passwd' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
