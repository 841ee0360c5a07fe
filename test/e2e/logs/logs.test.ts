/** Traces a request through every log, from HTTP to the engine and back, by its request id and job id. */
import { readFileSync } from 'node:fs';
import type { JobResource } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerProcess } from '../../../apps/worker/src/testing/worker-process.ts';
import { startReceiver } from '../../../apps/worker/src/webhooks/testing/receiver.ts';
import type { AppProcess } from '../../support/processes/app-process.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../../support/processes/installation.ts';

const PORTRAIT = readFileSync(new URL('../../images/portrait-1.jpg', import.meta.url));
const marked = (mark: string) => Buffer.concat([PORTRAIT, Buffer.from(mark)]);

type Line = Record<string, unknown>;

let installation: Installation;
let gateway: GatewayProcess;
let worker: WorkerProcess;
beforeAll(async () => {
  installation = await startInstallation({
    WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 'k').toString('base64')}`,
    SOURCE_ALLOW: '127.0.0.1',
  });
  gateway = await installation.gateway();
  const hook = new URL('./printing-hook.ts', import.meta.url);
  // Only the test ends engines here.
  worker = await installation.worker({ ENGINE_TIMEOUT: '10m', NODE_OPTIONS: `--import=${hook}` });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

const lines = (of: AppProcess): Line[] =>
  of
    .log()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** Waits for a log line of a process with these members. */
async function line(of: AppProcess, members: Line): Promise<Line> {
  const fits = (each: Line) => Object.entries(members).every(([name, value]) => each[name] === value);
  await expect.poll(() => lines(of).some(fits), { timeout: 20_000, message: JSON.stringify(members) }).toBe(true);
  return lines(of).find(fits)!;
}

const post = (request_id: string, body: Buffer, query = '', headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}/face_detection${query}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', 'x-request-id': request_id, ...headers },
    body: new Uint8Array(body),
  });

describe('one request', () => {
  it('is in the log lines of gateway, worker, engine and webhook', async () => {
    await using receiver = await startReceiver();
    const response = await post('trace-1', marked('mark-001'), `?webhook_url=${encodeURIComponent(receiver.url)}`);
    const names = { request_id: 'trace-1', job_id: response.headers.get('x-job-id') };
    expect([response.status, response.headers.get('x-request-id')]).toEqual([200, 'trace-1']);
    expect(await line(gateway, { msg: 'request', ...names })).toMatchObject({ status: 200, route: '/face_detection' });
    expect(await line(worker, { msg: 'engine printed', ...names })).toMatchObject({
      text: 'this image ends with mark-001',
      engine: worker.engines()[0],
    });
    expect(await line(worker, { msg: 'job succeeded', ...names })).toMatchObject({ queue: 'interactive', attempt: 1 });
    expect(await line(worker, { msg: 'webhook delivered', ...names })).toMatchObject({ receiver: receiver.host });
  });

  it('keeps its ids when it fails, and when another caller reads its job', async () => {
    const response = await post('trace-2', PORTRAIT.subarray(0, 5000));
    const job_id = response.headers.get('x-job-id');
    expect(response.status).toBe(422);
    await line(gateway, { msg: 'request', request_id: 'trace-2', job_id, status: 422 });
    await line(worker, { msg: 'job failed', request_id: 'trace-2', job_id, code: 'image_undecodable' });
    await fetch(`${gateway.url}/jobs/${job_id}`, { headers: { 'x-request-id': 'trace-3' } });
    await line(gateway, { msg: 'request', request_id: 'trace-3', job_id });
  });

  it('identifies the job whose engine was killed, and its next attempt', async () => {
    const [engine] = worker.engines();
    process.kill(engine!, 'SIGSTOP');
    const answer = await post('trace-4', marked('mark-004'), '', { prefer: 'respond-async' });
    const { id } = (await answer.json()) as JobResource;
    const names = { request_id: 'trace-4', job_id: id };
    await expect.poll(async () => (await gateway.client.job(id)).status, { timeout: 20_000 }).toBe('processing');
    process.kill(engine!, 'SIGKILL');
    expect((await gateway.client.wait(id)).status).toBe('succeeded');
    expect(await line(worker, { msg: 'engine exited, restarting', ...names })).toMatchObject({ engine });
    expect(await line(worker, { msg: 'job succeeded', ...names })).toMatchObject({ attempt: 1 });
  });

  it('that creates a batch is in the lines of its items', async () => {
    const body = JSON.stringify({ items: [{ id: 'one', img: marked('mark-005').toString('base64') }] });
    const headers = { 'content-type': 'application/json', 'x-request-id': 'trace-5' };
    const answer = await fetch(`${gateway.url}/batches`, { method: 'POST', headers, body });
    const { id } = (await answer.json()) as { id: string };
    await line(gateway, { msg: 'request', request_id: 'trace-5', batch_id: id });
    const printed = await line(worker, { msg: 'engine printed', request_id: 'trace-5' });
    expect(printed['text']).toBe('this image ends with mark-005');
    await line(worker, { msg: 'job succeeded', request_id: 'trace-5', job_id: printed['job_id'], queue: 'bulk' });
  });
});

describe('the logs', () => {
  it('are one JSON object per line, with time, level and app', () => {
    for (const [app, process] of Object.entries({ gateway, worker }))
      for (const each of lines(process))
        expect(each).toMatchObject({
          app,
          level: expect.stringMatching(/^(debug|info|warn|error)$/),
          time: expect.stringMatching(/^\d{4}-.*Z$/),
        });
  });
});
