import type { ClaimedJob } from '@facequeue/queue';
import type { JobResource } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../support/gateway/index.ts';
import { startRedis, type TestRedis } from '../support/redis/test-redis.ts';
import { openPage } from './chromium.ts';
import type everyCall from './every-call.ts';
import { type PageServer, startPageServer } from './page-server.ts';

type Report = Awaited<ReturnType<typeof everyCall>>;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

/**
 * A gateway, a worker that keeps one image until the page requests /go, and a server of pages.
 * @param envFor the settings of the gateway, for pages of an origin
 */
async function startAll(envFor: (origin: string) => Record<string, string> = () => ({})) {
  await using stack = new AsyncDisposableStack();
  const go = Promise.withResolvers<void>();
  const pages: PageServer = stack.use(
    await startPageServer(
      () => gateway.url,
      () => go.resolve(),
    ),
  );
  const gateway: TestGateway = stack.use(await startTestGateway(redis.url, envFor(pages.origin)));
  const answer = async (_: ClaimedJob, bytes: Buffer | null) => {
    if (bytes?.[0] === 9) await go.promise;
    return CANNED_OUTCOME;
  };
  const worker: CannedWorker = stack.use(await startCannedWorker(gateway, answer));
  const kept = stack.move();
  return { gateway, worker, pages, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/**
 * Opens a page that runs a script of this folder, and returns its report.
 * @param host name of the page's site
 */
async function reportOf<T = Report>(
  pages: PageServer,
  api: string,
  script = 'every-call.ts',
  host = '127.0.0.1',
): Promise<T> {
  await using page = await openPage(pages.page(script, { api }).replace('127.0.0.1', host));
  return (await Promise.race([pages.report, page.crashed])) as T;
}

/** The gateway as another site: to a browser, localhost and 127.0.0.1 are two. */
const asAnotherSite = (gateway: TestGateway) => gateway.url.replace('127.0.0.1', 'localhost');

function expectEveryCall(report: Report): void {
  const id = expect.stringMatching(/^[0-9a-f-]{36}$/);
  // The page reports what went wrong instead.
  expect(report).not.toHaveProperty('failed');
  expect(report).toEqual({
    detection: { ...CANNED_RESULT, facesLeftOut: 0, jobId: id },
    job: expect.objectContaining({ id, status: 'succeeded', result: CANNED_RESULT }),
    twice: [expect.objectContaining({ id: report.waited.id }), expect.objectContaining({ id: report.waited.id })],
    events: expect.any(Array),
    aborted: 'Error: not wanted',
    waited: expect.objectContaining({ status: 'succeeded', attempts: 1 }),
    conflict: 'conflict',
    erased: 'gone',
    refused: 'invalid_request',
    ready: { status: 'ready', workers: 1 },
    batches: {
      results: expect.any(Array),
      appended: { accepted: 2, skipped: 0, failed: 0 },
      lines: 2,
      counts: { total: 2, queued: 0, processing: 0, succeeded: 2, failed: 0, canceled: 0 },
      canceled: 'conflict',
    },
    cameras: {
      job: id,
      frame: expect.objectContaining({
        camera: 'gate-1',
        job: report.cameras.job,
        frame_time: '2026-01-02T03:00:00.000Z',
        result: CANNED_RESULT,
      }),
      names: ['gate-1'],
      posted: 1,
      erased: 'not_found',
    },
  });
  const outcomes = report.batches.results.map(({ id, result, error }) => [id, result ?? error?.code]);
  expect(Object.fromEntries(outcomes)).toEqual({ a: CANNED_RESULT, b: CANNED_RESULT, c: 'invalid_base64' });
  const statuses = report.events.map((event) => (event.type === 'job' ? event.job.status : event.status));
  expect(statuses.join(' ')).toMatch(/^(queued )*processing succeeded$/);
  expect((report.events.at(-1) as { job: JobResource }).job).toEqual(report.waited);
}

describe('the client in a browser', () => {
  it('makes every call to a service behind its page, although its streams of events and results are cut', async () => {
    await using all = await startAll();
    /** A stream is cut after this, and not where something begins: an event, the second line. */
    const CUTS: [path: RegExp, after: string][] = [
      [/\/jobs\/[^/]+\/events$/, '\ndata'],
      [/\/cameras\/[^/]+\/events$/, '\nid'],
      [/\/results\?follow=true$/, '}\n'],
    ];
    all.pages.onProxied = (request, response) => {
      const next = CUTS.findIndex(([path]) => path.test(request.url!));
      if (next < 0) return;
      const [[, after]] = CUTS.splice(next, 1) as [(typeof CUTS)[0]];
      response.once('pipe', (answer) => answer.on('data', (chunk) => `${chunk}`.includes(after) && response.destroy()));
    };
    expectEveryCall(await reportOf(all.pages, `${all.pages.origin}/api`));
    expect(CUTS).toEqual([]);
    expect(all.worker.seen).toHaveLength(8);
  });

  it('makes every call to a service of another origin that allows it', async () => {
    await using all = await startAll(() => ({ COMPAT: 'aws' }));
    expectEveryCall(await reportOf(all.pages, all.gateway.url));
  });

  it('makes every call to a service of another site whose CORS_ORIGINS names its page', async () => {
    await using all = await startAll((origin) => ({ CORS_ORIGINS: origin }));
    expectEveryCall(await reportOf(all.pages, asAnotherSite(all.gateway)));
  });
});

describe('a page of another site', () => {
  it.each<Record<string, string>>([
    { ALLOW_OPEN: 'true' },
    { ALLOW_OPEN: 'true', ALLOWED_HOSTS: '127.0.0.1' },
    { CORS_ORIGINS: 'https://shop.example.org' },
  ])('is kept out of a service without keys: %o', async (env) => {
    await using all = await startAll(() => env);
    const calls = await reportOf<object>(all.pages, all.gateway.url, 'foreign-calls.ts', 'attacker.example');
    expect(calls).toEqual({ read: 'failed', json: 'failed', form: 'failed', embed: 'failed' });
    const statuses = all.gateway.lines
      .filter(({ msg }) => msg === 'request')
      .map(({ method, status }) => `${method} ${status}`);
    expect(statuses.toSorted()).toEqual(['GET 403', 'GET 403', 'OPTIONS 403', 'POST 403']);
    expect(all.worker.seen).toEqual([]);
  });
});
