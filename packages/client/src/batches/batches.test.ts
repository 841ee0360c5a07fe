import type { ItemLine } from '@facequeue/schema';
import type { ErrorCode, FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { type ScriptedBatches, scriptBatches } from '../testing/scripted-batches.ts';
import {
  type Answer,
  disconnect,
  json,
  plain,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
} from '../testing/scripted-server.ts';
import type { BatchItem } from './item.ts';

/** Deadline of steps that should take milliseconds, ms. */
const SOON = { timeout: 20_000 };

let service: ScriptedServer;
let batches: ScriptedBatches;
let client: Client;
beforeEach(async () => {
  service = await startScriptedServer();
  batches = scriptBatches(service);
  client = createClient({ baseUrl: service.baseUrl });
});
afterEach(() => service.kill());

const failureOf = (call: Promise<unknown>): Promise<FacequeueError> =>
  call.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );
const requests = () => service.seen.map(({ method, url }) => `${method} ${url!.replace(/01930000[\w-]+0/, '')}`);
const items = (count: number, from = 1): BatchItem[] =>
  Array.from({ length: count }, (_, i) => ({ id: `i${i + from}`, url: `https://example.org/${i + from}.jpg` }));
const ids = (lines: { id?: string }[]) => lines.map(({ id }) => id);
const open = async () => (await client.createBatch({ open: true })).id;

describe('createBatch', () => {
  it('sends every option of a batch', async () => {
    await client.createBatch({
      items: [{ id: 'a', url: 'https://example.org/a.jpg' }, { bytes: Uint8Array.of(1, 2, 3) }],
      open: false,
      options: { profile: 'fast', max_faces: 3 },
      webhookUrl: 'https://example.org/hook',
      output: 's3://bucket/results.ndjson',
      overwrite: true,
    });
    await client.createBatch({ s3: { prefix: 's3://bucket/path/', suffixes: ['.jpg'] } });
    expect(batches.all.map(({ made }) => made)).toEqual([
      {
        items: [{ id: 'a', url: 'https://example.org/a.jpg' }, { img: 'AQID' }],
        open: false,
        options: { profile: 'fast', max_faces: 3 },
        webhook_url: 'https://example.org/hook',
        output: 's3://bucket/results.ndjson',
        overwrite: true,
      },
      { s3: { prefix: 's3://bucket/path/', suffixes: ['.jpg'] } },
    ]);
  });

  it('is retried after a broken connection only when that is safe', async () => {
    batches.instead.create = [disconnect];
    await open();
    expect(service.seen).toHaveLength(2);
    for (const more of [{ items: items(1) }, { s3: { prefix: 's3://b/' } }, { webhookUrl: 'https://example.org/' }]) {
      batches.instead.create = [disconnect];
      expect(await failureOf(client.createBatch({ open: true, ...more }))).toMatchObject({ code: 'unavailable' });
    }
    expect(service.seen).toHaveLength(5);
  });

  it('is retried when the queue was full', async () => {
    batches.instead.create = [problem('queue_full', RETRY_NOW)];
    expect(await client.createBatch({ items: items(1) })).toMatchObject({ counts: { total: 1 } });
  });
});

describe('closing, canceling, erasing and reading a batch', () => {
  it('send the documented requests', async () => {
    const id = await open();
    expect(await client.batch(id)).toMatchObject({ id, status: 'open' });
    expect(await client.closeBatch(id)).toMatchObject({ status: 'finished' });
    expect(await client.cancelBatch(id)).toMatchObject({ status: 'canceled' });
    expect(await client.eraseBatch(id)).toBeUndefined();
    expect(await failureOf(client.batch(id))).toMatchObject({ code: 'gone' });
    const path = `/batches/${id}`;
    expect(service.seen.slice(1).map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET ${path}`,
      `POST ${path}/close`,
      `POST ${path}/cancel`,
      `DELETE ${path}`,
      `GET ${path}`,
    ]);
  });

  it('are retried after a broken connection', async () => {
    const id = await open();
    batches.instead.close = ['break after'];
    expect(await client.closeBatch(id)).toMatchObject({ status: 'finished' });
  });
});

describe('appendItems', () => {
  it('appends any number of items in requests of at most a thousand', async () => {
    const id = await open();
    expect(await client.appendItems(id, items(2500))).toEqual({ accepted: 2500, skipped: 0, failed: 0 });
    expect(ids(batches.all[0]!.items)).toEqual(ids(items(2500)));
    expect(requests().slice(1)).toEqual(Array(3).fill('POST /batches/1/items'));
    expect(service.seen[1]!.headers['content-type']).toBe('application/x-ndjson');
  });

  it('appends large items in requests of a few megabytes', async () => {
    const id = await open();
    const large = items(5).map(({ id }) => ({ id: id!, bytes: new Uint8Array(1_500_000) }));
    expect(await client.appendItems(id, large)).toMatchObject({ accepted: 5 });
    expect(service.seen.slice(1).map(({ body }) => body.toString().trim().split('\n').length)).toEqual([2, 2, 1]);
  });

  it('reads items from any iterable, at most two requests ahead', async () => {
    let given = 0;
    async function* many() {
      for (const item of items(4000)) {
        given += 1;
        yield item;
      }
    }
    const id = await open();
    const stalled = Promise.withResolvers<void>();
    batches.instead.append = [(response, request) => void stalled.promise.then(() => disconnect(response, request))];
    const appended = client.appendItems(id, many());
    await expect.poll(() => service.seen.length, SOON).toBe(2);
    await expect.poll(() => given, SOON).toBe(2000);
    stalled.resolve();
    expect(await appended).toMatchObject({ accepted: 4000 });
  });

  it('waits while the queue is full, as long and as often as the service asks', async () => {
    const id = await open();
    batches.instead.append = Array.from({ length: 30 }, () => problem('queue_full', RETRY_NOW));
    expect(await client.appendItems(id, items(3))).toMatchObject({ accepted: 3 });
    expect(service.seen).toHaveLength(32);
  });

  it('ends with its signal while the queue is full, or while it waits for an item', async () => {
    const id = await open();
    const reason = new Error('enough');
    const abort = new AbortController();
    batches.instead.append = [problem('queue_full', { 'retry-after': '3600' })];
    const waiting = failureOf(client.appendItems(id, items(1), { signal: abort.signal }));
    await expect.poll(() => service.seen.length, SOON).toBe(2);
    abort.abort(reason);
    expect(await waiting).toBe(reason);
    const late = new AbortController();
    const hanging = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const failure = failureOf(client.appendItems(id, hanging, { signal: late.signal }));
    late.abort(reason);
    expect(await failure).toBe(reason);
  });

  it('is retried when a connection breaks, although its items may have been appended', async () => {
    const id = await open();
    batches.instead.append = [disconnect, 'break after', plain(502, '', RETRY_NOW)];
    expect(await client.appendItems(id, items(3))).toEqual({ accepted: 0, skipped: 3, failed: 0 });
    expect(ids(batches.all[0]!.items)).toEqual(['i1', 'i2', 'i3']);
  });

  it('gives ids to items without one, which makes a retry safe', async () => {
    const id = await open();
    batches.instead.append = ['break after'];
    const unnamed = ['a', 'b'].map((name) => ({ url: `https://example.org/${name}.jpg` }));
    expect(await client.appendItems(id, unnamed)).toEqual({ accepted: 0, skipped: 2, failed: 0 });
    expect(await client.appendItems(id, unnamed)).toEqual({ accepted: 2, skipped: 0, failed: 0 });
    expect(ids(batches.all[0]!.items).map((name) => name!.replace(/^[0-9a-f]{12}/, ''))).toEqual([
      '-1',
      '-2',
      '-1',
      '-2',
    ]);
  });

  it('requires ids for all items or for none', async () => {
    const id = await open();
    const mixed = [{ id: 'a', url: 'https://example.org/a.jpg' }, { url: 'https://example.org/b.jpg' }];
    expect(await failureOf(client.appendItems(id, mixed))).toMatchObject({ code: 'invalid_request' });
  });

  it.each<[string, Answer, ErrorCode]>([
    ['a closed batch', problem('conflict'), 'conflict'],
    ['an erased batch', problem('gone'), 'gone'],
    ['an answer that is not JSON', plain(200, '<html>'), 'internal_error'],
  ])('throws for %s, and closes the iterable of items', async (_, answer, code) => {
    const id = await open();
    batches.instead.append = [answer];
    const let_go = Promise.withResolvers<void>();
    async function* many() {
      try {
        yield* items(5000);
      } finally {
        let_go.resolve();
      }
    }
    expect(await failureOf(client.appendItems(id, many()))).toMatchObject({ code });
    expect(service.seen).toHaveLength(2);
    await let_go.promise;
  });

  it('throws the error of the iterable of items', async () => {
    const id = await open();
    async function* torn() {
      yield* items(1);
      throw new Error('the disk is gone');
    }
    expect(await failureOf(client.appendItems(id, torn()))).toMatchObject({ message: 'the disk is gone' });
  });
});

describe('results', () => {
  const collect = (id: string, more: Parameters<Client['results']>[1] = {}): Promise<ItemLine[]> =>
    Array.fromAsync(client.results(id, more));
  /** Sends these lines of the results of the first batch, then ends or breaks. */
  const some =
    (text: (lines: ItemLine[]) => string, then: 'end' | 'break'): Answer =>
    (response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
      response.write(text(batches.all[0]!.lines), () => (then === 'end' ? response.end() : response.destroy()));
    };
  const lined = (lines: ItemLine[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

  it('are those so far, from any cursor', async () => {
    batches.work = (item) => (item.id === 'i2' ? null : 'succeeded');
    const id = await open();
    await client.appendItems(id, items(4));
    expect(ids(await collect(id))).toEqual(['i1', 'i3', 'i4']);
    expect(ids(await collect(id, { after: '2' }))).toEqual(['i4']);
    expect(requests().slice(2)).toEqual(['GET /batches/1/results', 'GET /batches/1/results?after=2']);
  });

  it('are returned as items end until the batch has ended, with follow', async () => {
    batches.work = () => null;
    const id = await open();
    await client.appendItems(id, items(3));
    const [batch] = batches.all as [(typeof batches.all)[0]];
    const lines = client.results(id, { follow: true })[Symbol.asyncIterator]();
    batches.end(batch, batch.items[1]!, 'failed');
    expect(await lines.next()).toMatchObject({ value: { id: 'i2', status: 'failed' } });
    const second = lines.next();
    batches.end(batch, batch.items[0]!, 'succeeded');
    expect(await second).toMatchObject({ value: { id: 'i1', status: 'succeeded' } });
    await client.closeBatch(id);
    const third = lines.next();
    batches.end(batch, batch.items[2]!, 'succeeded');
    expect(await third).toMatchObject({ value: { id: 'i3' } });
    expect(await lines.next()).toMatchObject({ done: true });
  });

  it('continue after the last line received, however the connection ends', async () => {
    const id = await open();
    await client.appendItems(id, items(6));
    await client.closeBatch(id);
    batches.instead.results = [
      some((lines) => `\n${lined(lines.slice(0, 2))}\n${lined(lines.slice(2, 3)).slice(0, 30)}`, 'break'),
      disconnect,
      problem('unavailable', RETRY_NOW),
      some((lines) => lined(lines.slice(2, 4)), 'end'),
      some((lines) => lined(lines.slice(4, 5)), 'end'),
    ];
    expect(ids(await collect(id, { follow: true }))).toEqual(['i1', 'i2', 'i3', 'i4', 'i5']);
    expect(
      service.seen.flatMap(({ url }) => (url!.includes('results') ? [new URL(url!, 'http://x').search] : [])),
    ).toEqual(['?follow=true', ...Array(3).fill('?after=2&follow=true'), '?after=4&follow=true']);
  });

  it('are not complete when a stream ends before the batch does', async () => {
    batches.work = () => null;
    const id = await open();
    await client.appendItems(id, items(1));
    batches.instead.results = [some(() => '', 'end')];
    const all = collect(id, { follow: true });
    await expect
      .poll(() => requests().filter((one) => one === 'GET /batches/1/results?follow=true').length, SOON)
      .toBe(2);
    await client.closeBatch(id);
    batches.end(batches.all[0]!, batches.all[0]!.items[0]!, 'succeeded');
    expect(ids(await all)).toEqual(['i1']);
  });

  it.each<[string, Answer, ErrorCode]>([
    ['an erased batch', problem('gone'), 'gone'],
    ['a wrong key', problem('unauthorized'), 'unauthorized'],
    ['an answer that is not NDJSON', json({}), 'internal_error'],
    ['lines that are not JSON', some(() => '{"id"\n', 'end'), 'internal_error'],
  ])('throw for %s', async (_, answer, code) => {
    const id = await open();
    batches.instead.results = [answer];
    expect(await failureOf(collect(id, { follow: true }))).toMatchObject({ code });
    expect(service.seen).toHaveLength(2);
  });

  it('are sent no faster than they are read', async () => {
    const id = await open();
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    const text = `${JSON.stringify({ id: 'i1', cursor: '1', more: 'x'.repeat(60_000) })}\n`;
    batches.instead.results = [
      (response) => {
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        const send = () => {
          while (!response.destroyed && sent < 200e6) {
            sent += text.length;
            if (!response.write(text)) break;
          }
        };
        response.on('drain', send).on('close', closed.resolve);
        send();
      },
    ];
    for await (const _ of client.results(id, { follow: true })) {
      // The service has filled every buffer on the way when it can send no more.
      for (let before = -1; before < sent; ) {
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      break;
    }
    expect(sent).toBeLessThan(50e6);
    await closed.promise;
  });

  it('end with their signal, and close the connection when the reader stops', async () => {
    batches.work = (item) => (item.id === 'i1' ? 'succeeded' : null);
    const id = await open();
    await client.appendItems(id, items(2));
    const abort = new AbortController();
    const lines = client.results(id, { follow: true, signal: abort.signal })[Symbol.asyncIterator]();
    await lines.next();
    const next = failureOf(lines.next());
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await next).toBe(reason);

    const closed = Promise.withResolvers<void>();
    batches.instead.results = [
      (response) => {
        response.on('close', closed.resolve);
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        response.write(lined(batches.all[0]!.lines));
      },
    ];
    for await (const line of client.results(id, { follow: true })) {
      expect(line.id).toBe('i1');
      break;
    }
    await closed.promise;
  });
});
