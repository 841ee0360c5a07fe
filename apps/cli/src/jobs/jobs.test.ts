import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobStatus } from '@facequeue/schema';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { scriptedJob as job } from '../../../../packages/client/src/testing/scripted-job.ts';
import {
  type Answer,
  json,
  problem,
  type ScriptedServer,
  startScriptedServer,
  stream,
} from '../../../../packages/client/src/testing/scripted-server.ts';
import { facequeue } from '../testing/facequeue.ts';

const ASTRONAUT = new URL('../../../../test/images/astronaut.png', import.meta.url).pathname;
const MAIN = new URL('../main.ts', import.meta.url).pathname;
const [A, B, C] = ['a', 'b', 'c'].map((end) => `01930000-0000-7000-8000-00000000000${end}`) as [string, string, string];

let folder: string;
let service: ScriptedServer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-jobs-'));
  for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, `${name}.jpg`), name);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  service = await startScriptedServer();
});
afterEach(() => service.kill());

/** Answers a request by its method and path. */
function routes(of: Record<string, Answer>): void {
  service.answers = [
    (response, request) => {
      const route = of[`${request.method} ${request.url?.replace(/\?.*/, '')}`] ?? problem('not_found');
      route(response, request);
    },
  ];
}

const jobs = (...args: string[]) => facequeue(['jobs', ...args], { FACEQUEUE_URL: service.baseUrl });
const parsed = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
/** Accepts images whose bytes are one letter as the job of that letter. */
const accept: Answer = (response, request) => {
  const id = { a: A, b: B, c: C }[request.body.toString()] ?? A;
  json(job(id, 'queued'), {}, 202)(response, request);
};

describe('jobs submit', () => {
  it('submits an image with its options and prints the job', async () => {
    service.answers = [accept];
    const options = ['--profile', 'fast', '--max-faces', '2', '--no-landmarks', '--bulk'];
    const more = ['--webhook', 'https://example.org/hook', '--idempotency-key', 'order 7'];
    expect(await jobs('submit', ASTRONAUT, ...options, ...more)).toEqual({
      code: 0,
      stdout: `${A}  queued      ${ASTRONAUT}\n`,
      stderr: '',
    });
    const [{ url, headers, body }] = service.seen as [(typeof service.seen)[0]];
    expect(Object.fromEntries(new URLSearchParams(url!.split('?')[1]))).toEqual({
      profile: 'fast',
      max_faces: '2',
      landmarks: 'false',
      attributes: 'true',
      priority: 'bulk',
      webhook_url: 'https://example.org/hook',
    });
    expect(headers).toMatchObject({ prefer: 'respond-async', 'idempotency-key': '"order 7"' });
    expect(body.equals(readFileSync(ASTRONAUT))).toBe(true);
  });

  it('leaves URLs to the service and uses the server and the key of the command line', async () => {
    service.answers = [accept];
    const args = ['submit', 'https://example.org/a.jpg', '--json', '--server', `${service.baseUrl}/prod`];
    const env = { FACEQUEUE_URL: 'http://127.0.0.1:1', FACEQUEUE_API_KEY: 'from the environment' };
    const { stdout } = await facequeue(['jobs', ...args], env);
    expect(JSON.parse(stdout)).toEqual(job(A, 'queued'));
    await facequeue(['jobs', ...args, '--api-key', 'from the command line'], env);
    expect(service.seen.map(({ url, headers, body }) => [url!.split('?')[0], headers['x-api-key'], `${body}`])).toEqual(
      [
        ['/prod/face_detection', 'from the environment', '{"url":"https://example.org/a.jpg"}'],
        ['/prod/face_detection', 'from the command line', '{"url":"https://example.org/a.jpg"}'],
      ],
    );
  });

  it('prints the jobs of a folder in its order, and errors of images that could not be submitted', async () => {
    routes({
      'POST /face_detection': (response, request) =>
        `${request.body}` === 'b' ? problem('unsupported_media_type')(response, request) : accept(response, request),
    });
    const { code, stdout } = await jobs('submit', '--json', folder, join(folder, 'none.jpg'));
    expect(code).toBe(1);
    expect(parsed(stdout)).toMatchObject([
      { file: join(folder, 'a.jpg'), id: A, status: 'queued' },
      { file: join(folder, 'b.jpg'), error: { code: 'unsupported_media_type' } },
      { file: join(folder, 'c.jpg'), id: C, status: 'queued' },
      { file: join(folder, 'none.jpg'), error: { code: 'source_unreachable' } },
    ]);
  });

  it('waits for the end with --wait and exits with 1 when a job failed', async () => {
    routes({
      'POST /face_detection': accept,
      [`GET /jobs/${A}`]: json(
        job(A, 'succeeded', {
          image: { width: 4, height: 3, format: 'jpeg', bytes: 1, orientation: 1 },
          timings: { queue: 1, detect: 11 },
        }),
      ),
      [`GET /jobs/${B}`]: json(job(B, 'failed')),
    });
    const files = ['a', 'b'].map((name) => join(folder, `${name}.jpg`)) as [string, string];
    expect(await jobs('submit', '--wait', '20', ...files)).toEqual({
      code: 1,
      stdout:
        `${A}  succeeded   ${files[0]}  0 faces, 4x3 jpeg, 12 ms\n` +
        `${B}  failed      ${files[1]}  image_undecodable: half an image\n`,
      stderr: '',
    });
  });

  it('prints the job as it is when it does not end in time', async () => {
    routes({
      'POST /face_detection': accept,
      [`GET /jobs/${A}`]: (response, request) => {
        if (!request.url?.includes('wait')) json(job(A, 'processing'))(response, request);
      },
    });
    const { code, stdout } = await jobs('submit', '--wait', '0.1', '--json', ASTRONAUT);
    expect(JSON.parse(stdout)).toMatchObject({ id: A, status: 'processing' });
    expect(code).toBe(0);
  });

  it('prints the URL of a service that cannot be reached', async () => {
    await service.kill();
    const { code, stdout } = await jobs('submit', ASTRONAUT);
    await service.restart();
    expect(stdout).toBe(`${ASTRONAUT}: unavailable: the service cannot be reached (${service.baseUrl})\n`);
    expect(code).toBe(1);
  });
});

describe('jobs', () => {
  it('status prints jobs and exits with 1 when one has failed or does not exist', async () => {
    routes({
      [`GET /jobs/${A}`]: json(job(A, 'processing')),
      [`GET /jobs/${B}`]: json(job(B, 'failed')),
      [`GET /jobs/${C}`]: problem('gone'),
    });
    expect(await jobs('status', A)).toEqual({ code: 0, stdout: `${A}  processing\n`, stderr: '' });
    expect((await jobs('status', A, B)).code).toBe(1);
    const { code, stdout } = await jobs('status', '--json', A, C);
    expect(parsed(stdout)).toMatchObject([job(A, 'processing'), { id: C, error: { code: 'gone', status: 410 } }]);
    expect(code).toBe(1);
  });

  it('wait prints jobs at their end, and stops waiting at the time-out', async () => {
    routes({ [`GET /jobs/${A}`]: json(job(A, 'succeeded')), [`GET /jobs/${B}`]: () => {} });
    expect(await jobs('wait', A)).toMatchObject({ code: 0, stdout: `${A}  succeeded   0 faces\n` });
    const { code, stdout } = await jobs('wait', '--timeout', '0.2', '--json', B);
    expect(parsed(stdout)).toMatchObject([{ id: B, error: { code: 'wait_timeout', job_id: B } }]);
    expect(code).toBe(1);
  });

  it('cancel cancels jobs and exits with 1 when one had already ended', async () => {
    const webhook = { url: 'https://example.org/', status: 'pending' as const, attempts: [], next_at: null };
    routes({
      [`POST /jobs/${A}/cancel`]: json(job(A, 'canceled', { webhook })),
      [`POST /jobs/${B}/cancel`]: problem('conflict'),
    });
    expect(await jobs('cancel', A)).toEqual({ code: 0, stdout: `${A}  canceled    webhook pending\n`, stderr: '' });
    expect(await jobs('cancel', A, B)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`${B}: conflict: why conflict\n`),
    });
  });

  it('erase prints what it erased', async () => {
    routes({ [`DELETE /jobs/${A}`]: (response) => void response.writeHead(204).end() });
    expect(await jobs('erase', A)).toEqual({ code: 0, stdout: `${A}  erased\n`, stderr: '' });
    expect(parsed((await jobs('erase', '--json', A)).stdout)).toEqual([{ id: A, erased: true }]);
    expect(await jobs('erase', B)).toMatchObject({ code: 1, stdout: `${B}: not_found: why not_found\n` });
  });

  const at = '2026-01-01T00:00:00.000Z';
  const status = (status: JobStatus, attempts: number) =>
    `event: status\ndata: ${JSON.stringify({ id: A, status, attempts, at })}\n\n`;

  it('follow prints a change while it waits for the next one', async () => {
    routes({ [`GET /jobs/${A}/events`]: stream(status('queued', 0), 'stay') });
    const child = spawn(process.execPath, [MAIN, 'jobs', 'follow', A], {
      env: { ...process.env, FACEQUEUE_URL: service.baseUrl },
    });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    await expect.poll(() => stdout, { timeout: 20_000 }).toBe(`${at}  queued\n`);
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(130);
  });

  it('follow prints each change, and the end', async () => {
    const end = (status: JobStatus) => `event: job\ndata: ${JSON.stringify(job(A, status))}\n\n`;
    routes({
      [`GET /jobs/${A}/events`]: stream(
        [
          status('queued', 0),
          status('processing', 1),
          status('queued', 1),
          status('processing', 2),
          end('succeeded'),
        ].join(''),
        'end',
      ),
      [`GET /jobs/${B}/events`]: stream(end('failed'), 'end'),
    });
    expect(await jobs('follow', A)).toEqual({
      code: 0,
      stdout:
        `${at}  queued\n${at}  processing\n${at}  queued (attempt 1)\n${at}  processing (attempt 2)\n` +
        `${A}  succeeded   0 faces\n`,
      stderr: '',
    });
    const { code, stdout } = await jobs('follow', '--json', B);
    expect(parsed(stdout)).toEqual([{ type: 'job', job: job(A, 'failed') }]);
    expect(code).toBe(1);
    expect(await jobs('follow', C)).toMatchObject({ code: 1, stdout: `${C}: not_found: why not_found\n` });
  });
});

describe('Ctrl-C', () => {
  /** Runs a command until the service has seen `requests`, then sends the signal. */
  async function interrupted(args: string[], requests: number, signal: NodeJS.Signals = 'SIGINT', then = () => {}) {
    const child = spawn(process.execPath, [MAIN, 'jobs', ...args], {
      env: { ...process.env, FACEQUEUE_URL: service.baseUrl },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const ended = once(child, 'close');
    await expect.poll(() => service.seen.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(requests);
    child.kill(signal);
    then();
    const [code] = await ended;
    return { code, stdout, stderr };
  }
  const silence: Answer = () => {};

  it('leaves the jobs running and prints which', async () => {
    routes({ 'POST /face_detection': accept, [`GET /jobs/${A}`]: silence, [`GET /jobs/${B}`]: silence });
    const files = ['a', 'b'].map((name) => join(folder, `${name}.jpg`));
    expect(await interrupted(['submit', '--wait', '60', ...files], 4)).toEqual({
      code: 130,
      stdout: '',
      stderr: `Interrupted. These jobs continue: ${A} ${B}\n`,
    });
    expect(service.seen.filter(({ method, url }) => method === 'DELETE' || url?.endsWith('cancel'))).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ['wait', '', /^Interrupted\. These jobs continue: \S+a \S+b\n$/],
    ['follow', '/events', /^Interrupted\. The job continues: \S+a\n$/],
  ])('ends %s the same way', async (action, path, message) => {
    const ids = action === 'wait' ? [A, B] : [A];
    routes(Object.fromEntries(ids.map((id) => [`GET /jobs/${id}${path}`, silence])));
    const { code, stderr } = await interrupted([action, ...ids], ids.length, 'SIGTERM');
    expect(stderr).toMatch(message);
    expect(code).toBe(130);
  });

  it('lets a request in progress become a job and submits no more', async () => {
    let delayed: (() => void)[] | null = [];
    routes({
      'POST /face_detection': (...of) => {
        if (delayed) delayed.push(() => accept(...of));
        else accept(...of);
      },
    });
    const files = Array.from({ length: 40 }, () => ASTRONAUT);
    const { code, stdout, stderr } = await interrupted(['submit', ...files], 4, 'SIGINT', () => {
      for (const answer of delayed!) answer();
      delayed = null;
    });
    const accepted = stdout.match(/queued/g)!.length;
    expect(accepted).toBe(service.seen.length);
    expect(stderr).toContain(`Not submitted: ${40 - accepted} images, from ${ASTRONAUT} on.`);
    expect(code).toBe(130);
  });

  it('ends although the service does not answer, and prints which images may have been submitted', async () => {
    routes({ 'POST /face_detection': silence });
    const { code, stderr } = await interrupted(['submit', ASTRONAUT], 1);
    expect(stderr).toMatch(/May or may not have been submitted: .*astronaut\.png/);
    expect(code).toBe(130);
  });
});
