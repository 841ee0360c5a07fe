/** Jobs that are canceled, abandoned by their caller, or erased: submitted at one gateway, ended at the other. */

import { audit } from '@facequeue/audit';
import type { JobResource, Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayProcess } from '../../support/processes/installation.ts';
import { type StallingServer, startStallingServer } from '../../support/servers/stalling-server.ts';
import { body, freeze, madeBy, occupy, type Pair, PORTRAIT, post, reaches, startPair, submit } from './pair.ts';

let stalling: StallingServer;
let pair: Pair;

beforeAll(async () => {
  stalling = await startStallingServer(PORTRAIT);
  // Time limits never end a fetch or an engine in these tests.
  pair = await startPair({ SOURCE_ALLOW: stalling.host, SOURCE_TIMEOUT: '5m', ENGINE_TIMEOUT: '5m' });
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await stalling?.[Symbol.asyncDispose]();
});

const cancel = ({ url }: GatewayProcess, id: string) => fetch(`${url}/jobs/${id}/cancel`, { method: 'POST' });
const erase = ({ url }: GatewayProcess, id: string) => fetch(`${url}/jobs/${id}`, { method: 'DELETE' });
const engines = () => pair.workers.flatMap((worker) => worker.engines());

/** Keys that belong to a job. */
const keysOf = async (id: string) =>
  (await pair.inside.keys(`*${id}*`)).map((key) => key.slice(pair.prefix.length).replace(id, '*')).sort();

describe('canceling a job', () => {
  it('that is queued ends it for everyone who waits for it, follows it or reads it', async () => {
    const release = await occupy(pair);
    let response!: Promise<Response>;
    const id = await madeBy(pair, () => (response = post(pair.here, PORTRAIT)));
    const polled = pair.there.client.job(id, { waitMs: 60_000 });
    const followed = Array.fromAsync(pair.here.client.follow(id));
    const canceled = await body<JobResource>(await cancel(pair.there, id), 200);
    expect(canceled).toMatchObject({ id, status: 'canceled', attempts: 0, result: null, error: { code: 'canceled' } });
    expect(await polled).toEqual(canceled);
    expect((await followed).at(-1)).toEqual({ type: 'job', job: canceled });
    expect(await body<Problem>(await response, 409)).toMatchObject({ code: 'canceled', job_id: id });
    // Canceling again is not an error.
    expect(await body<JobResource>(await cancel(pair.here, id), 200)).toEqual(canceled);
    await release();
    expect(await pair.here.client.job(id)).toEqual(canceled);
  });

  it('whose image is being fetched closes the connection to the image server', async () => {
    const { id } = await submit(pair.here, { url: stalling.url('/cancel') });
    await stalling.requested('/cancel');
    await body(await cancel(pair.there, id), 200);
    await stalling.disconnected('/cancel');
    expect(await pair.here.client.job(id)).toMatchObject({ status: 'canceled', attempts: 1, started_at: null });
  });

  it('inside an engine kills only that engine, which is replaced', async () => {
    const before = engines();
    using frozen = freeze(pair);
    const { id } = await submit(pair.here, PORTRAIT);
    await reaches(pair.there, id, 'processing');
    expect(await body<JobResource>(await cancel(pair.there, id), 200)).toMatchObject({ status: 'canceled' });
    await expect.poll(() => engines().filter((pid) => before.includes(pid)), { timeout: 10_000 }).toHaveLength(1);
    frozen.thaw();
    await expect.poll(engines, { timeout: 20_000 }).toHaveLength(2);
    const next = await Promise.all(Array.from({ length: 6 }, () => submit(pair.here, PORTRAIT)));
    for (const job of next) {
      expect(await pair.there.client.wait(job.id)).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
    expect(await pair.here.client.job(id)).toMatchObject({ status: 'canceled', attempts: 1, result: null });
  });

  it('that has ended in another way is refused and changes nothing', async () => {
    const done = await pair.there.client.wait((await submit(pair.here, PORTRAIT)).id);
    expect(await body<Problem>(await cancel(pair.there, done.id), 409)).toMatchObject({ code: 'conflict' });
    expect(await pair.here.client.job(done.id)).toEqual(done);
  });
});

describe('a caller that disconnects', () => {
  /** Calls, and disconnects when the job exists. */
  async function leave(
    image: Parameters<typeof post>[1],
    headers: Record<string, string>,
    until: (id: string) => Promise<unknown>,
  ) {
    const left = new AbortController();
    let call!: Promise<unknown>;
    const id = await madeBy(pair, () => {
      call = post(pair.here, image, headers, { signal: left.signal }).catch(() => 'left');
    });
    await until(id);
    left.abort();
    expect(await call).toBe('left');
    return id;
  }

  it('cancels its job while it is queued', async () => {
    const release = await occupy(pair);
    const id = await leave(PORTRAIT, {}, async () => {});
    await reaches(pair.there, id, 'canceled');
    await release();
  });

  it('cancels its job while the image is being fetched', async () => {
    const id = await leave({ url: stalling.url('/left') }, {}, () => stalling.requested('/left'));
    await stalling.disconnected('/left');
    await reaches(pair.there, id, 'canceled');
  });

  it('does not cancel a job that is inside an engine', async () => {
    using frozen = freeze(pair);
    const id = await leave(PORTRAIT, {}, (id) => reaches(pair.there, id, 'processing'));
    // The gateway logs that it has noticed.
    await expect.poll(pair.here.log, { timeout: 10_000 }).toMatch(new RegExp(`"job_id":"${id}"`));
    frozen.thaw();
    expect(await pair.there.client.wait(id)).toMatchObject({ status: 'succeeded', attempts: 1 });
  });

  it.each([
    ['has an Idempotency-Key', { 'idempotency-key': '"left"' }],
    ['was submitted with respond-async', { prefer: 'respond-async, wait=60' }],
  ])('lets its job run that %s', async (_, headers) => {
    const release = await occupy(pair);
    const id = await leave(PORTRAIT, headers, async () => {});
    await expect.poll(pair.here.log, { timeout: 10_000 }).toMatch(new RegExp(`"job_id":"${id}"`));
    expect(await pair.there.client.job(id)).toMatchObject({ status: 'queued' });
    await release();
    expect(await pair.there.client.wait(id)).toMatchObject({ status: 'succeeded' });
  });
});

describe('erasing a job', () => {
  it.each(['queued', 'processing', 'succeeded'] as const)(
    'that is %s leaves nothing of it but a tombstone',
    async (when) => {
      const release = when === 'queued' ? await occupy(pair) : async () => {};
      using frozen = when === 'processing' ? freeze(pair) : null;
      const { id } = await submit(pair.here, PORTRAIT, { 'idempotency-key': `"erase-${when}"` });
      await reaches(pair.there, id, when);
      const response = when === 'succeeded' ? null : fetch(`${pair.here.url}/jobs/${id}?wait=60`);
      expect((await erase(pair.there, id)).status).toBe(204);
      expect((await response)?.status ?? 410).toBe(410);
      // BullMQ removes the id when it reaches it.
      expect((await keysOf(id)).filter((key) => !key.startsWith(':bull:'))).toEqual([':gone:*']);
      for (const gateway of [pair.here, pair.there]) {
        expect((await fetch(`${gateway.url}/jobs/${id}`)).status).toBe(410);
        expect((await cancel(gateway, id)).status).toBe(410);
        expect((await erase(gateway, id)).status).toBe(204);
      }
      // Its idempotency key is free again.
      const again = await submit(pair.here, PORTRAIT, { 'idempotency-key': `"erase-${when}"` });
      expect(again.id).not.toBe(id);
      frozen?.thaw();
      await release();
      expect(await pair.there.client.wait(again.id)).toMatchObject({ status: 'succeeded' });
      await expect.poll(() => keysOf(id), { timeout: 10_000 }).toEqual([':gone:*']);
    },
  );

  it('whose image is being fetched closes the connection to the image server', async () => {
    const { id } = await submit(pair.here, { url: stalling.url('/erase') });
    await stalling.requested('/erase');
    expect((await erase(pair.there, id)).status).toBe(204);
    await stalling.disconnected('/erase');
  });
});

describe('after all of this', () => {
  it('every count in Redis is correct', async () => {
    expect((await audit(pair.redis.url, pair.prefix, { live: true })).findings).toEqual([]);
  });
});
