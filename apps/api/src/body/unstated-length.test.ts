/** Bodies that come in chunks, at the caps of their forms; and what they take of the body memory. */
import { MAX_NDJSON_BYTES, MAX_NDJSON_LINES, type Problem } from '@facequeue/schema';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRaw, parseRaw } from '../../../../test/support/clients/raw-http.ts';
import { startTestGateway, type TestGateway } from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { NOTHING, watchRetained } from '../http/testing/retained.ts';
import { allRoutes } from '../router.ts';
import type { Services } from '../services.ts';
import { bodyCap } from './body-cap.ts';
import { JSON_SLACK } from './json-text.ts';

const LIMIT = 100_000;
/** What stands for the image while the rest of a JSON body is parsed. */
const PLACEHOLDER = 36;

let retained: ReturnType<typeof watchRetained>;
let redis: TestRedis;
let gateway: TestGateway;
beforeAll(async () => {
  retained = watchRetained();
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { MAX_IMAGE_BYTES: String(LIMIT) });
});
afterAll(async () => {
  await gateway?.close();
  vi.restoreAllMocks();
  await redis?.stop();
});
afterEach(async () => {
  await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
});

const IMAGE = 'image/png';
const LINES = 'application/x-ndjson';
const JSON_TYPE = 'application/json';

async function post(path: string, type: string, chunks: Iterable<string | Uint8Array>) {
  const left = chunks[Symbol.iterator]();
  const body = new ReadableStream({
    pull(controller) {
      const { done, value } = left.next();
      if (done) controller.close();
      else controller.enqueue(Buffer.from(value));
    },
  });
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': type, prefer: 'respond-async' },
    body,
    duplex: 'half',
  } as RequestInit);
  return { status: response.status, body: (await response.json()) as Problem & { id: string } };
}

/** In two chunks. */
const split = (text: string | Buffer) => [text.slice(0, text.length / 2), text.slice(text.length / 2)];
const image = (bytes: number) => split(Buffer.alloc(bytes, 7));
const base64 = Buffer.alloc(LIMIT, 7).toString('base64');
/** JSON of `bytes` bytes with the largest image. */
const json = (bytes: number) => split(`{"img":"${base64}"}`.padEnd(bytes));
const items = (bytes: number) => split(`{"items":[{"img":"${base64}"}]}`.padEnd(bytes));
const form = (bytes: number) => {
  const head = '--x\r\nContent-Disposition: form-data; name="img"; filename="a"\r\n\r\n';
  const end = '\r\n--x--\r\n';
  return split(Buffer.from(`${head}${'i'.repeat(LIMIT)}${end}`.padEnd(bytes)));
};
const CAP = { json: bodyCap('json', LIMIT), form: bodyCap('form', LIMIT) };

describe('a body in chunks', () => {
  it.each<[string, string, string, (bytes: number) => Iterable<string | Uint8Array>, number, number]>([
    ['an image', '/face_detection', IMAGE, image, LIMIT, 202],
    ['JSON', '/face_detection', JSON_TYPE, json, CAP.json - PLACEHOLDER, 202],
    ['a form', '/face_detection', 'multipart/form-data; boundary=x', form, CAP.form, 202],
    ['a frame', '/cameras/gate/frames', IMAGE, image, LIMIT, 202],
    ['items as JSON', '/batches', JSON_TYPE, items, CAP.json, 202],
  ])(
    '%s is accepted just below its cap and at it, and refused a byte above',
    async (_, path, type, body, largest, status) => {
      expect((await post(path, type, body(largest - 1))).status).toBe(status);
      expect((await post(path, type, body(largest))).status).toBe(status);
      const cap = type === JSON_TYPE ? CAP.json : largest;
      const { body: problem } = await post(path, type, body(cap + 1));
      expect(problem).toMatchObject({ status: 413, code: 'body_too_large' });
      expect(problem.detail).toContain(String(path === '/batches' ? CAP.json : LIMIT));
    },
  );

  it('of JSON with too much beside the image is refused for that up to its cap', async () => {
    for (const bytes of [CAP.json - PLACEHOLDER + 1, CAP.json]) {
      const { body } = await post('/face_detection', JSON_TYPE, json(bytes));
      expect(body).toMatchObject({
        status: 400,
        detail: expect.stringContaining(`more than ${JSON_SLACK} bytes beside`),
      });
    }
  });

  it('of items for an open batch has the same cap', async () => {
    const { body: batch } = await post('/batches?open=true', LINES, []);
    const path = `/batches/${batch.id}/items`;
    expect((await post(path, JSON_TYPE, items(CAP.json))).status).toBe(200);
    expect((await post(path, JSON_TYPE, items(CAP.json + 1))).body).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
  });

  it('of lines is accepted up to 64 MB, and refused a byte above', async () => {
    const item = '{"url":"https://example.org/"}\n';
    function* lines(bytes: number) {
      yield item;
      const blank = Buffer.alloc(1 << 20, ' ');
      blank[0] = 0x0a;
      for (let left = bytes - item.length; left > 0; left -= blank.length) yield blank.subarray(0, left);
    }
    expect((await post('/batches', LINES, lines(MAX_NDJSON_BYTES))).status).toBe(202);
    const { body } = await post('/batches', LINES, lines(MAX_NDJSON_BYTES + 1));
    expect(body).toMatchObject({
      status: 413,
      code: 'body_too_large',
      detail: expect.stringContaining(`${MAX_NDJSON_BYTES} bytes`),
    });
  });

  it('of lines is accepted with 10 000 of them, and refused with an item on the next', async () => {
    const item = '{"url":"https://example.org/"}\n';
    const lines = (blank: number) => [item, '\n'.repeat(blank), item];
    expect((await post('/batches', LINES, lines(MAX_NDJSON_LINES - 2))).status).toBe(202);
    expect((await post('/batches', LINES, lines(MAX_NDJSON_LINES - 1))).body).toMatchObject({ status: 413 });
  });
});

describe('the body memory', () => {
  const open = async (path: string, headers: string) => {
    const raw = await openRaw(gateway.port);
    await raw.send(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n`,
    );
    await raw.until('100 Continue');
    return raw;
  };
  const CHUNKED = 'Transfer-Encoding: chunked';

  it.each([
    ['an image of stated length', '/face_detection', `Content-Type: ${IMAGE}\r\nContent-Length: 50000`],
    ['one in chunks', '/face_detection', `Content-Type: ${IMAGE}\r\n${CHUNKED}`],
    ['JSON in chunks', '/face_detection', `Content-Type: ${JSON_TYPE}\r\n${CHUNKED}`],
    ['a frame in chunks', '/cameras/gate/frames', `Content-Type: ${IMAGE}\r\n${CHUNKED}`],
    ['items as JSON in chunks', '/batches', `Content-Type: ${JSON_TYPE}\r\n${CHUNKED}`],
    ['short lines', '/batches', `Content-Type: ${LINES}\r\nContent-Length: 50000`],
    ['lines in chunks', '/batches', `Content-Type: ${LINES}\r\n${CHUNKED}`],
  ])('%s takes nothing before it arrives, and then as much as has arrived', async (_, path, headers) => {
    using raw = await open(path, headers);
    expect(retained(gateway).bodies).toBe(0);
    const chunk = 'x'.repeat(1000);
    await raw.send(headers.includes(CHUNKED) ? `3e8\r\n${chunk}\r\n` : chunk);
    await expect.poll(() => retained(gateway).bodies).toBe(1000);
  });

  it('is taken by what has arrived, and until the queue has it', async () => {
    const submission = Promise.withResolvers<void>();
    const submit = gateway.queue.submit.bind(gateway.queue);
    const taken: number[] = [];
    const spy = vi.spyOn(gateway.queue, 'submit').mockImplementation(async (job) => {
      taken.push(retained(gateway).bodies);
      await submission.promise;
      taken.push(retained(gateway).bodies);
      return submit(job);
    });
    const posted = post('/face_detection', IMAGE, ['five ', 'and 8 by']);
    await expect.poll(() => taken, { timeout: 10_000 }).toEqual([13]);
    submission.resolve();
    expect((await posted).status).toBe(202);
    expect(taken).toEqual([13, 13]);
    spy.mockRestore();
  });

  it('of items as JSON is taken until the queue has the last', async () => {
    const { batches } = gateway.queue;
    const append = batches.append.bind(batches);
    const appended = Promise.withResolvers<void>();
    const taken: number[] = [];
    const spy = vi.spyOn(batches, 'append').mockImplementation(async (...call) => {
      await appended.promise;
      taken.push(retained(gateway).bodies);
      return append(...call);
    });
    const body = '{"items":[{"img":"YWJj"}]}';
    const posted = post('/batches', JSON_TYPE, split(body));
    await expect.poll(() => spy.mock.calls.length, { timeout: 10_000 }).toBe(1);
    appended.resolve();
    expect((await posted).status).toBe(202);
    expect(taken).toEqual([body.length]);
    spy.mockRestore();
  });

  it('is free at once after a client that left while Redis was slow', async () => {
    await using own = await startRedis();
    await using at = await startTestGateway(own.url);
    await own.pause();
    for (const path of ['/face_detection', '/cameras/gate/frames', '/batches']) {
      using raw = await openRaw(at.port);
      const type = path === '/batches' ? JSON_TYPE : IMAGE;
      await raw.send(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      await expect.poll(() => retained(at).entries, { timeout: 10_000 }).toBe(1);
      raw.socket.resetAndDestroy();
      await expect.poll(() => retained(at).entries, { timeout: 10_000 }).toBe(0);
    }
    const received = vi.spyOn(at.queue, 'snapshot');
    await own.resume();
    await expect.poll(() => at.queue.snapshot().then(() => true), { timeout: 10_000 }).toBe(true);
    received.mockRestore();
    await expect.poll(() => retained(at), { timeout: 10_000 }).toEqual(NOTHING);
  });
});

it('a route that takes no body refuses one, stated or in chunks', async () => {
  const routes = allRoutes({ config: {} } as Services).filter(({ body }) => !body);
  expect(routes.length).toBeGreaterThan(10);
  for (const { method, path } of routes) {
    for (const body of ['Content-Length: 2\r\n\r\n{}', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n']) {
      using raw = await openRaw(gateway.port);
      const line = `${method.toUpperCase()} ${path.replaceAll(/[{}]/g, '')} HTTP/1.1`;
      await raw.send(`${line}\r\nHost: localhost\r\nConnection: close\r\n${body}`);
      const answer = parseRaw(await raw.rest());
      expect([line, answer.status, answer.body]).toEqual([line, 400, expect.stringContaining('takes no body')]);
    }
  }
});
