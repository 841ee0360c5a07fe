/** What calls leave behind on a signal that outlives them: nothing, however they end. */
import { getEventListeners } from 'node:events';
import type { ErrorCode } from '@facequeue/schema/errors';
import { describe, expect, it, vi } from 'vitest';
import type { CallOptions } from './call-options.ts';
import { type Client, createClient } from './client.ts';
import { scriptedJob } from './testing/scripted-job.ts';
import {
  type Answer,
  disconnect,
  json,
  plain,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
  stream,
} from './testing/scripted-server.ts';

const ID = '01930000-0000-7000-8000-000000000000';
const IMAGE = { bytes: Uint8Array.of(255, 216, 255) };
const ITEMS = [{ id: 'a', url: 'https://example.org/a.jpg' }];
const LINE = { id: 'a', status: 'succeeded', cursor: '1' };
/** A batch that is open, closed or over, whatever its reader looks for. */
const BATCH = { id: ID, status: 'finished', closed_at: 'x', finished_at: 'x', counts: { total: 1 } };

const read = async (values: AsyncIterable<unknown>) => void (await Array.fromAsync(values));
const readOne = async (values: AsyncIterable<unknown>) => {
  for await (const _ of values) break;
};

/** A good answer to every kind of request. */
const good: Answer = (response, request) => {
  const url = request.url!;
  const lines = () => response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  if (request.method === 'DELETE') return void response.writeHead(204).end();
  if (url.includes('/cameras/') && url.endsWith('/events'))
    return stream('id: 1\nevent: frame\ndata: {}\n\n', 'stay')(response, request);
  if (url.endsWith('/events')) return stream('event: job\ndata: {}\n\n', 'stay')(response, request);
  if (url.includes('/results')) return void lines().end(`${JSON.stringify(LINE)}\n`);
  if (url.includes('/items')) return json({ accepted: 1, skipped: 0, failed: 0, batch: BATCH })(response, request);
  if (url.includes('/batches')) return json(BATCH)(response, request);
  json(scriptedJob(ID, 'succeeded'), { 'x-job-id': ID })(response, request);
};

type Act = (client: Client, call: CallOptions) => Promise<unknown>;
const CALLS: Record<string, Act> = {
  detect: (client, call) => client.detect(IMAGE, {}, { ...call, idempotencyKey: 'k' }),
  submit: (client, call) => client.submit(IMAGE, {}, call),
  job: (client, call) => client.job(ID, call),
  wait: (client, call) => client.wait(ID, call),
  follow: (client, call) => read(client.follow(ID, call)),
  cancel: (client, call) => client.cancel(ID, call),
  erase: (client, call) => client.erase(ID, call),
  system: (client, call) => client.system(call),
  createBatch: (client, call) => client.createBatch({ open: true }, call),
  closeBatch: (client, call) => client.closeBatch(ID, call),
  eraseBatch: (client, call) => client.eraseBatch(ID, call),
  appendItems: (client, call) => client.appendItems(ID, ITEMS, call),
  results: (client, call) => read(client.results(ID, call)),
  'results, followed': (client, call) => read(client.results(ID, { ...call, follow: true })),
  batchResults: (client, call) => read(client.batchResults(ITEMS, call)),
  'batchResults, one read': (client, call) => readOne(client.batchResults(ITEMS, call)),
  postFrame: (client, call) => client.postFrame('gate', IMAGE, {}, call),
  cameras: (client, call) => client.cameras(call),
  'frames, one read': (client, call) => readOne(client.frames('gate', call)),
};

/** Makes each call of a service of its own, all at once. */
async function eachCall(
  check: (name: string, service: ScriptedServer, call: (signal: AbortSignal) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Object.entries(CALLS).map(async ([name, act]) => {
      const service = await startScriptedServer();
      const client = createClient({ baseUrl: service.baseUrl });
      await check(name, service, (signal) => act(client, { signal })).finally(() => service.kill());
    }),
  );
}

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('no call leaves a listener on its signal', () => {
  it('when it succeeds', () =>
    eachCall(async (name, service, call) => {
      const { signal } = new AbortController();
      service.answers = [good];
      await call(signal);
      expect(service.seen.length, name).toBeGreaterThan(0);
      expect(listeners(signal), name).toBe(0);
    }));

  it.each<[string, Answer, ErrorCode]>([
    ['it is refused', problem('forbidden'), 'forbidden'],
    [
      'something else than the service answers',
      plain(200, '<html>', { 'content-type': 'text/html' }),
      'internal_error',
    ],
    ['the service redirects', plain(302, '', { location: '/' }), 'invalid_request'],
  ])('when %s', (_, answer, code) =>
    eachCall(async (name, service, call) => {
      const { signal } = new AbortController();
      service.answers = [answer];
      await expect(call(signal), name).rejects.toMatchObject({ code });
      expect(listeners(signal), name).toBe(0);
    }),
  );

  it.each<[string, Answer]>([
    ['it is repeated', problem('quota_exceeded', RETRY_NOW)],
    ['its connection breaks', disconnect],
  ])('when %s', (_, answer) =>
    eachCall(async (name, service, call) => {
      // It alone is never sent again after a broken connection.
      if (name === 'postFrame') return;
      const { signal } = new AbortController();
      service.answers = [answer, good];
      await call(signal);
      expect(service.seen.length, name).toBeGreaterThan(1);
      expect(listeners(signal), name).toBe(0);
    }),
  );

  it('when it is aborted', () =>
    eachCall(async (name, service, call) => {
      const abort = new AbortController();
      const reason = new Error('no longer needed');
      service.answers = [() => abort.abort(reason)];
      await expect(call(abort.signal), name).rejects.toBe(reason);
      expect(listeners(abort.signal), name).toBe(0);
    }));
});

it.each(['follow', 'results', 'frames, one read'])(
  '%s closes the connection on which something else than the service answers without end',
  async (name) => {
    const service = await startScriptedServer();
    try {
      const closed = vi.fn();
      service.answers = [
        (response) =>
          void response.once('close', closed).writeHead(200, { 'content-type': 'text/html' }).write('<html>'),
      ];
      const client = createClient({ baseUrl: service.baseUrl });
      await expect(CALLS[name]!(client, {})).rejects.toMatchObject({ code: 'internal_error' });
      await expect.poll(() => closed, { timeout: 5000 }).toHaveBeenCalled();
    } finally {
      await service.kill();
    }
  },
);
