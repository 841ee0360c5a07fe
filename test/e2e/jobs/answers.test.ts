/** How long a call waits, and its answer: two gateways, two workers. */
import type { DetectionResult, JobResource, Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKeys, keyOf } from '../../support/gateway/index.ts';
import type { GatewayProcess } from '../../support/processes/installation.ts';
import { type StallingServer, startStallingServer } from '../../support/servers/stalling-server.ts';
import { body, CAT, get, occupy, type Pair, PORTRAIT, post, reaches, startPair, submit } from './pair.ts';

let stalling: StallingServer;
let pair: Pair;
/** A third gateway, with a short SYNC_WAIT. */
let hasty: GatewayProcess;

beforeAll(async () => {
  stalling = await startStallingServer(PORTRAIT);
  // Long enough that a call that misses its notification and is answered at its deadline fails the test.
  pair = await startPair({ SOURCE_ALLOW: stalling.host, SYNC_WAIT: '5m' });
  hasty = await pair.gateway({ SYNC_WAIT: '300ms' });
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await stalling?.[Symbol.asyncDispose]();
});

/** The headers of an answer that describe the job. */
function facts({ headers }: Response) {
  const [id, location] = [headers.get('x-job-id'), headers.get('location')];
  expect(location).toBe(`/jobs/${id}`);
  expect(headers.get('vary')).toMatch(/\bPrefer\b/);
  return {
    id: id!,
    location: location!,
    applied: headers.get('preference-applied'),
    again: headers.get('retry-after'),
  };
}

const oneFace = (result: DetectionResult | null) => expect(result?.Faces).toHaveLength(1);

describe('a call without Prefer', () => {
  it('is answered with the faces, and its job can be read at the other gateway', async () => {
    const response = await post(pair.here, PORTRAIT);
    const { location, applied } = facts(response);
    expect(applied).toBeNull();
    const result = await body<DetectionResult>(response, 200);
    oneFace(result);
    expect(await get(pair.there, location)).toMatchObject({ status: 'succeeded', result });
  });

  it('gets 504 at its time limit, and its Location has the faces later', async () => {
    const response = await post(hasty, { url: stalling.url('/late') });
    const { id, location, applied, again } = facts(response);
    expect(applied).toBeNull();
    expect(Number(again)).toBeGreaterThan(0);
    expect(await body<Problem>(response, 504)).toMatchObject({ code: 'wait_timeout', job_id: id });
    const polled = get(pair.there, `${location}?wait=60`);
    stalling.release('/late');
    const job = await polled;
    expect(job).toMatchObject({ id, status: 'succeeded', attempts: 1 });
    oneFace(job.result);
  });

  it('is refused at once when the estimated wait exceeds SYNC_WAIT; an asynchronous call is not', async () => {
    // The gateway estimates throughput after many jobs have ended one after another.
    const batch = await Promise.all(Array.from({ length: 16 }, () => submit(pair.here, PORTRAIT)));
    await Promise.all(batch.map(({ id }) => pair.there.client.wait(id)));
    const release = await occupy(pair);
    const line = await Promise.all(Array.from({ length: 60 }, () => submit(pair.there, CAT)));
    const refused = await post(hasty, CAT);
    expect(await body<Problem>(refused, 503)).toMatchObject({ code: 'queue_full' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('location')).toBeNull();
    for (const prefer of ['respond-async', 'wait=0']) {
      line.push(await body<JobResource>(await post(hasty, CAT, { prefer }), 202));
    }
    await release();
    for (const { id } of line) expect(await pair.here.client.wait(id)).toMatchObject({ status: 'succeeded' });
  });
});

describe('a call of a key while another key floods the queue', () => {
  it('is accepted and answered, and the flood is told that it has its share', async () => {
    const shared = await pair.gateway({ API_KEYS: apiKeys('flood', 'small'), MAX_WAITING_JOBS: '40' });
    const release = await occupy(pair);
    const flood = () => post(shared, CAT, { 'x-api-key': keyOf('flood'), prefer: 'respond-async' });
    let refused: Response;
    do refused = await flood();
    while (refused.status === 202);
    expect(await body<Problem>(refused, 503)).toMatchObject({ code: 'queue_full' });
    const headers = { 'x-api-key': keyOf('small') };
    const waits = await submit(shared, PORTRAIT, headers);
    const answer = post(shared, PORTRAIT, headers);
    await expect.poll(async () => (await flood()).status, { timeout: 10_000 }).toBe(429);
    await release();
    oneFace(await body<DetectionResult>(await answer, 200));
    const job = await fetch(`${shared.url}/jobs/${waits.id}?wait=60`, { headers });
    oneFace((await body<JobResource>(job, 200)).result);
  });
});

describe('Prefer: wait', () => {
  it('is answered with the faces when they are found in time', async () => {
    for (const [prefer, expected] of [
      ['wait=60', 'wait=60'],
      ['respond-async, wait=60', 'wait=60'],
    ] as const) {
      const response = await post(pair.here, PORTRAIT, { prefer });
      expect(facts(response).applied).toBe(expected);
      oneFace(await body<DetectionResult>(response, 200));
    }
  });

  it.each(['wait=1', 'respond-async, wait=1', 'wait=0'])(
    '%s is answered with the job when they are not',
    async (prefer) => {
      const path = `/${encodeURIComponent(prefer)}`;
      const response = await post(pair.here, { url: stalling.url(path) }, { prefer });
      const { id, location, applied, again } = facts(response);
      expect(applied).toBe(prefer);
      expect(Number(again)).toBeGreaterThan(0);
      expect(await body<JobResource>(response, 202)).toMatchObject({ id, status: 'queued', result: null, error: null });
      stalling.release(path);
      oneFace((await get(pair.there, `${location}?wait=60`)).result);
    },
  );

  it('is answered with the error of a failed job', async () => {
    const response = await post(pair.here, PORTRAIT.subarray(0, 5000), { prefer: 'wait=60' });
    const { id, location } = facts(response);
    const problem = await body<Problem>(response, 422);
    expect(problem).toMatchObject({ code: 'image_undecodable', job_id: id });
    expect(await get(pair.there, location)).toMatchObject({ status: 'failed', error: problem, result: null });
  });
});

describe('Prefer: respond-async', () => {
  it('is answered with the job at once', async () => {
    const response = await post(pair.here, { url: stalling.url('/async') }, { prefer: 'respond-async' });
    const { id, applied, again } = facts(response);
    expect(applied).toBe('respond-async');
    expect(Number(again)).toBeGreaterThan(0);
    expect(await body<JobResource>(response, 202)).toMatchObject({ id, status: 'queued' });
    stalling.release('/async');
    await reaches(pair.there, id, 'succeeded');
  });
});

describe('GET /jobs/{id}', () => {
  it('answers with the job on every gateway', async () => {
    const { id, links } = await submit(pair.here, PORTRAIT, {}, '?priority=bulk&max_faces=1');
    const job = await pair.there.client.wait(id);
    expect(job).toMatchObject({
      id,
      status: 'succeeded',
      attempts: 1,
      queue: 'bulk',
      image: { width: 910, height: 1137, format: 'jpeg', bytes: PORTRAIT.length, orientation: 1 },
      error: null,
      links: { self: `/jobs/${id}`, events: `/jobs/${id}/events`, cancel: `/jobs/${id}/cancel` },
    });
    expect(links).toEqual(job.links);
    const stages = ['queue', 'fetch', 'decode', 'detect', 'landmarks', 'attributes'];
    expect(Object.keys(job.timings).sort()).toEqual(stages.sort());
    const times = [job.created_at, job.started_at!, job.finished_at!, job.expires_at];
    expect(times).toEqual([...times].sort());
    expect(await get(pair.here, links.self)).toEqual(job);
  });

  it('with wait answers when the job ends, or with the live job when the wait is over', async () => {
    const { id } = await submit(pair.here, { url: stalling.url('/poll') });
    expect(await get(pair.there, `/jobs/${id}?wait=1`)).toMatchObject({ status: 'queued', finished_at: null });
    const polls = [pair.here, pair.there].map((gateway) => get(gateway, `/jobs/${id}?wait=60`));
    stalling.release('/poll');
    const [first, second] = await Promise.all(polls);
    expect(first).toMatchObject({ status: 'succeeded' });
    expect(second).toEqual(first);
  });

  it('distinguishes erased jobs from ids that never existed', async () => {
    const { id } = await submit(pair.here, CAT);
    await pair.there.client.erase(id);
    const ask = async (path: string) => (await fetch(`${pair.here.url}/jobs/${path}`)).status;
    expect(await ask(id)).toBe(410);
    // The first 48 bits are milliseconds: 1970, and the year 10889.
    expect(await ask(`00000000-0000${id.slice(13)}`)).toBe(404);
    expect(await ask(`ffffffff-ffff${id.slice(13)}`)).toBe(404);
    expect(await ask('no-id')).toBe(404);
  });
});
