/** Redis fails while callers wait: each of them gets its faces, or a job that has them later. */

import { audit } from '@facequeue/audit';
import type { DetectionResult, JobResource, JobStatus, Problem } from '@facequeue/schema';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../../../apps/worker/src/webhooks/testing/receiver.ts';
import { acceptedBy } from '../../support/processes/installation.ts';
import { body, freeze, get, type Pair, PORTRAIT, post, startPair } from './pair.ts';

let receiver: Receiver;
let pair: Pair;
let face: Uint8Array;

beforeAll(async () => {
  face = new Uint8Array(await sharp(PORTRAIT).resize({ width: 160 }).jpeg().toBuffer());
  receiver = await startReceiver();
  pair = await startPair(
    {
      SOURCE_ALLOW: receiver.host,
      ENGINE_TIMEOUT: '5m',
      // Long enough that no call is refused for a long queue or gets 504 on a slow machine: only the outage has effects here.
      SYNC_WAIT: '60s',
      // When a worker never receives the answer to its lease, the receiver is blocked for this long and 5 s more.
      WEBHOOK_TIMEOUT: '1s',
      WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 't').toString('base64')}`,
    },
    { appendonly: true },
  );
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

/** Cuts every connection except the one that sends the command. */
async function cutAll(): Promise<void> {
  for (const type of ['normal', 'pubsub']) await pair.inside.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
}

/** Kills Redis once all it has acknowledged is on disk, and starts it again. */
async function restart(): Promise<void> {
  await written();
  await pair.redis.restart();
  await expect.poll(() => pair.inside.ping().catch(() => 'away'), { timeout: 10_000 }).toBe('PONG');
}

/** Acknowledged writes are on disk within a second. */
const written = () =>
  expect.poll(() => pair.inside.info('persistence'), { timeout: 10_000 }).toContain('aof_pending_bio_fsync:0');

/** Statuses in the records of jobs. */
async function statusesOf(ids: string[]): Promise<JobStatus[]> {
  return Promise.all(
    ids.map(async (id) => (await pair.inside.hget(`${pair.prefix}:job:${id}`, 'status')) as JobStatus),
  );
}

/** Callers: half at each gateway, and half of each with a wait of its own. */
const call = (i: number) =>
  post([pair.here, pair.there][i % 2]!, face, i % 4 < 2 ? { prefer: 'wait=60' } : {}, {
    query: `?webhook_url=${encodeURIComponent(receiver.url)}`,
  });

/** The answers of calls; each must have one. */
function fulfilled(calls: PromiseSettledResult<Response>[]): Response[] {
  expect(calls.filter(({ status }) => status === 'rejected')).toEqual([]);
  return calls.map((call) => (call as PromiseFulfilledResult<Response>).value);
}

/** The faces in an answer, or those at its Location on the other gateway. */
async function facesBy(answer: Response, asked: number): Promise<DetectionResult> {
  if (answer.status === 200) return body<DetectionResult>(answer, 200);
  const other = [pair.there, pair.here][asked % 2]!;
  if (answer.status === 202) await body<JobResource>(answer, 202);
  else expect((await body<Problem>(answer, 504)).code).toBe('wait_timeout');
  return (await get(other, `${answer.headers.get('location')}?wait=60`)).result!;
}

describe('callers whose wait ends during an outage of Redis', () => {
  it('get a Location or a Retry-After, and both lead to their faces', async () => {
    const hasty = await pair.gateway({ SYNC_WAIT: '1s' });
    using frozen = freeze(pair);
    const calls = Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => post(hasty, face, i % 2 ? { prefer: 'wait=1' } : {})),
    );
    await expect.poll(() => acceptedBy(hasty), { timeout: 20_000 }).toBe(40);
    await written();
    await pair.redis.kill();
    const answers = fulfilled(await calls);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504, 202]));
    const location = answers[0]!.headers.get('location')!;
    for (const refused of [await post(pair.here, face), await fetch(pair.there.url + location)]) {
      expect(await body<Problem>(refused, 503)).toMatchObject({ code: 'unavailable' });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await pair.redis.restart();
    frozen.thaw();
    await expect.poll(async () => (await fetch(`${pair.here.url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
    await expect.poll(async () => (await fetch(`${pair.there.url}/readyz`)).status, { timeout: 20_000 }).toBe(200);
    for (const { Faces } of await Promise.all(answers.map(facesBy))) expect(Faces).toHaveLength(1);
  });
});

describe('two hundred callers are all answered', () => {
  it.each<[string, number[], () => Promise<void>]>([
    ['every connection to Redis is cut, five times', [10, 30, 50, 70, 90], cutAll],
    ['Redis is killed and started again with its data', [60], restart],
  ])('though %s', async (_, moments, disturb) => {
    const before = new Set(await pair.jobs());
    const acceptedBefore = await acceptedBy(pair.here, pair.there);
    const messagesBefore = receiver.messages.length;
    using frozen = freeze(pair);
    const calls = Promise.allSettled(Array.from({ length: 200 }, (_, i) => call(i)));
    // All of them are accepted, so none may be refused as unavailable.
    await expect.poll(() => acceptedBy(pair.here, pair.there), { timeout: 20_000 }).toBe(acceptedBefore + 200);
    const ids = (await pair.jobs()).filter((id) => !before.has(id));
    frozen.thaw();
    for (const moment of moments) {
      const ended = async () => (await statusesOf(ids)).filter((status) => status === 'succeeded').length;
      await expect.poll(ended, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(moment);
      expect(await ended()).toBeLessThan(200);
      await disturb();
    }
    const answers = fulfilled(await calls);
    const found = await Promise.all(answers.map(facesBy));
    for (const { Faces } of found) expect(Faces).toHaveLength(1);
    expect(answers.map(({ headers }) => headers.get('x-job-id')).sort()).toEqual(ids.sort());

    expect(new Set(await statusesOf(ids))).toEqual(new Set(['succeeded']));
    for (const { child } of [pair.here, pair.there, ...pair.workers]) expect(child.exitCode).toBeNull();
    // Each webhook is delivered, twice when a worker could not record the delivery.
    const delivered = async () => {
      const jobs = await Promise.all(ids.map((id) => pair.there.client.job(id)));
      return new Set(jobs.map(({ webhook }) => webhook!.status));
    };
    await expect.poll(delivered, { timeout: 45_000 }).toEqual(new Set(['delivered']));
    const events = receiver.messages.slice(messagesBefore);
    expect(new Set(events.map(({ headers }) => headers['webhook-id'])).size).toBe(200);
    expect(new Set(events.map((event) => JSON.parse(event.body).type))).toEqual(new Set(['job.succeeded']));
    expect(new Set(events.map((event) => event.body)).size).toBe(200);
    expect((await audit(pair.redis.url, pair.prefix)).findings).toEqual([]);
  });

  it('including those that arrive during the outage: with faces, a job or a Retry-After; those with a key get exactly one job', async () => {
    const keyed = Array.from({ length: 40 }, (_, i) => ({ 'idempotency-key': `"trouble-${i}"` }));
    /** Calls again while the answer asks for it. */
    const insistent = async (headers: Record<string, string>, i: number) => {
      for (;;) {
        const answer = await post([pair.here, pair.there][i % 2]!, face, headers);
        if (answer.status !== 503) return answer;
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(['unavailable', 'queue_full']).toContain((await body<Problem>(answer, 503)).code);
      }
    };
    let going = true;
    const jobs = new Map<string, string>();
    const coming = keyed.map(async (headers, i) => {
      // Continuous calls: some are in flight whenever a connection is cut.
      do {
        const answer = await insistent(headers, i);
        await facesBy(answer, i);
        const id = answer.headers.get('x-job-id')!;
        expect(jobs.get(headers['idempotency-key']) ?? id).toBe(id);
        jobs.set(headers['idempotency-key'], id);
      } while (going);
    });
    const came = Promise.allSettled(coming);
    try {
      for (let round = 0; round < 10; round++) {
        const goal = Math.min(40, jobs.size + 4);
        await cutAll();
        await expect.poll(() => jobs.size, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(goal);
      }
    } finally {
      going = false;
    }
    expect((await came).filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(new Set(jobs.values()).size).toBe(40);
  });
});
