import { request } from 'node:http';
import type { Problem } from '@facequeue/schema';
import { createLogger } from '@facequeue/service';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openRaw, parseRaw, type RawConnection } from '../../../../test/support/clients/raw-http.ts';
import {
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { createHttpServer } from './server.ts';

const HEAD = 'POST /face_detection HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n';
const MEGABYTE = new Uint8Array(1 << 20);
const LARGE = { method: 'POST', headers: { 'content-type': 'image/png' }, body: MEGABYTE.subarray(0, 1e6) };
const PNG = { method: 'POST', headers: { 'content-type': 'image/png' }, body: MEGABYTE };

let redis: TestRedis;
let gateway: TestGateway;
/** With time-outs that a busy machine passes even when its client does not dawdle. */
let hasty: TestGateway;
let workers: CannedWorker[];

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  hasty = await startTestGateway(redis.url, { HEADER_TIMEOUT: '300ms', BODY_TIMEOUT: '400ms' });
  workers = [await startCannedWorker(gateway), await startCannedWorker(hasty)];
});

afterAll(async () => {
  for (const worker of workers ?? []) await worker.close();
  await gateway?.close();
  await hasty?.close();
  await redis?.stop();
});

// After every test, whatever it sent, the gateway serves the next caller.
afterEach(async () => {
  expect((await fetch(`${gateway.url}/face_detection`, PNG)).status).toBe(200);
});

/** Sends bytes on a new connection and reads until the gateway closes it. */
async function exchange(...sent: (string | Uint8Array)[]) {
  using connection = await openRaw(gateway.port);
  for (const bytes of sent) await connection.send(bytes);
  return parseRaw(await connection.rest());
}

function expectProblem({ status, headers, body }: ReturnType<typeof parseRaw>, code: string) {
  expect(headers).toMatch(/content-type: application\/problem\+json/i);
  expect(headers).toMatch(/x-request-id: [\w.-]+/i);
  const problem = JSON.parse(body) as Problem;
  expect(problem).toMatchObject({ code, status });
  expect(body).not.toMatch(/\/work|node_modules|\.ts\b|\bat \w+ \(/);
}

describe('what is not HTTP', () => {
  it.each([
    ['noise', 'hello\r\n\r\n', 400, 'invalid_request'],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), 400, 'invalid_request'],
    ['an unknown method', 'BREW /coffee HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'invalid_request'],
    ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400, 'invalid_request'],
    [
      'a length and chunks',
      `${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'invalid_request',
    ],
    ['a length that is not a number', `${HEAD}Content-Length: 1e3\r\n\r\n`, 400, 'invalid_request'],
    ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n`, 400, 'invalid_request'],
    ['an invalid chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400, 'invalid_request'],
    ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'invalid_request'],
    ['17 kB of headers', `${HEAD}X-Long: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['a path of 17 kB', `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431, 'headers_too_large'],
    ['a proxy request', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n', 405, 'method_not_allowed'],
    [
      'chunk extensions without end',
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(17_000)}\r\na\r\n`,
      413,
      'body_too_large',
    ],
  ])('%s is answered with a problem', async (_, bytes, status, code) => {
    const answer = await exchange(bytes);
    expect(answer.status).toBe(status);
    expectProblem(answer, code);
  });

  it('after a good request does not spoil its answer', async () => {
    const answer = await exchange(`${HEAD}Content-Length: 1\r\n\r\nx`, 'GARBAGE\r\n\r\n');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatch(/connection: close/i);
    expect(answer.body).toMatch(/"FaceModelVersion":"1.0.0"\}$/);
  });
});

describe('the deadline for headers', () => {
  it.each([
    ['10 s, as by default,', 10_000, 1000],
    ['less than a second', 300, 300],
    ['none', 0, 1000],
  ])('of %s is checked every second, or as often as it is long', (_, headerTimeoutMs, everyMs) => {
    const server = createHttpServer(
      () => {},
      { headerTimeoutMs, maxIdleMs: 1000 },
      createLogger('gateway', 'silent'),
      () => {},
    );
    // Node sets a timer with it when it listens; a deadline is overrun by at most this.
    expect(server).toMatchObject({ connectionsCheckingInterval: everyMs, headersTimeout: headerTimeoutMs });
  });
});

describe('a slow client', () => {
  afterEach(async () => {
    await expect.poll(async () => (await fetch(`${hasty.url}/face_detection`, PNG)).status).toBe(200);
  });

  it('that sends no headers is timed out', async () => {
    const began = performance.now();
    using connection = await openRaw(hasty.port);
    await connection.send('GET /livez HT');
    const answer = parseRaw(await connection.rest());
    expect(performance.now() - began).toBeGreaterThan(290);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(answer.status).toBe(408);
    expectProblem(answer, 'request_timeout');
  });

  it('that trickles its headers is timed out', async () => {
    using connection = await openRaw(hasty.port);
    await connection.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
    const trickle = setInterval(() => void connection.send('X: y\r\n'), 50);
    const answer = parseRaw(await connection.rest());
    clearInterval(trickle);
    expect(answer.status).toBe(408);
    expectProblem(answer, 'request_timeout');
  });

  it.each([
    ['of known length', 'Content-Length: 1000', 'x'],
    ['of unknown length', 'Transfer-Encoding: chunked', '1\r\nx\r\n'],
  ])('that trickles a body %s is timed out', async (_, header, drop) => {
    const began = performance.now();
    using connection = await openRaw(hasty.port);
    await connection.send(`${HEAD}${header}\r\n\r\n`);
    const trickle = setInterval(() => void connection.send(drop), 50);
    await connection.until('request_timeout');
    const took = performance.now() - began;
    const answer = parseRaw(await connection.rest());
    clearInterval(trickle);
    expect(took).toBeGreaterThan(390);
    expect(took).toBeLessThan(10_000);
    // After the answer the gateway reads for 2 s.
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(answer.status).toBe(408);
    expectProblem(answer, 'request_timeout');
  });
});

describe('a body of 200 MB', () => {
  async function pour(connection: RawConnection, chunked: boolean): Promise<number> {
    let sent = 0;
    while (sent < 200 && !connection.socket.destroyed) {
      if (chunked) await connection.send('100000\r\n');
      await connection.send(MEGABYTE);
      if (chunked) await connection.send('\r\n');
      sent++;
    }
    return sent;
  }

  it.each([
    ['stated', 'Content-Length: 209715200', false],
    ['in chunks', 'Transfer-Encoding: chunked', true],
  ])('%s is answered 413 while it is being sent, and cut off', async (_, header, chunked) => {
    using connection = await openRaw(gateway.port);
    await connection.send(`${HEAD}${header}\r\n\r\n`);
    const pouring = pour(connection, chunked);
    const answer = parseRaw(await connection.rest());
    expect(answer.status).toBe(413);
    expect(answer.headers).toMatch(/connection: close/i);
    expectProblem(answer, 'body_too_large');
    // 64 MB are read so that clients notice the answer; the kernel buffers more.
    expect(await pouring).toBeLessThan(110);
  });

  it('is refused before any of it is sent when the client expects 100 Continue', async () => {
    const answer = await exchange(`${HEAD}Content-Length: 209715200\r\nExpect: 100-continue\r\n\r\n`);
    expect(answer.status).toBe(413);
    expect(answer.headers).not.toMatch(/100 Continue/);
  });

  it('to an unknown path or with a wrong method is cut off too', async () => {
    for (const [line, status] of [
      ['POST /nowhere', 404],
      ['PUT /face_detection', 405],
      ['GET /livez', 400],
    ] as const) {
      using connection = await openRaw(gateway.port);
      await connection.send(`${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 209715200\r\n\r\n`);
      const pouring = pour(connection, false);
      expect(parseRaw(await connection.rest()).status).toBe(status);
      expect(await pouring).toBeLessThan(110);
    }
  });
});

describe('connections', () => {
  it('stay open after small mistakes', async () => {
    using connection = await openRaw(gateway.port);
    for (let i = 0; i < 3; i++) {
      await connection.send(
        `POST /face_detection HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: call-${i}\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello`,
      );
      expect(await connection.until(`call-${i}`)).not.toMatch(/connection: close/i);
    }
  });

  it('stay open for 65 s, longer than load balancers keep idle ones', async () => {
    const response = await fetch(`${gateway.url}/livez`);
    expect(response.headers.get('keep-alive')).toBe('timeout=65');
    await response.text();
  });

  it('are closed a minute after the longest wait', () => {
    const timeouts = { headerTimeoutMs: 1000, maxIdleMs: 19_000 };
    expect(
      createHttpServer(
        () => {},
        timeouts,
        createLogger('gateway', 'silent'),
        () => {},
      ).timeout,
    ).toBe(79_000);
  });

  it('whose body is refused are closed 2 s after the answer when the client goes on sending', async () => {
    using connection = await openRaw(gateway.port);
    const began = performance.now();
    await connection.send('POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 209715200\r\n\r\n');
    const trickle = setInterval(() => void connection.send('x'), 50);
    expect(parseRaw(await connection.rest()).status).toBe(404);
    clearInterval(trickle);
    expect(performance.now() - began).toBeGreaterThan(1900);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('are closed when the client ends its side in the middle of a body', async () => {
    using connection = await openRaw(gateway.port, { allowHalfOpen: true });
    await connection.send(`${HEAD}Content-Length: 1000\r\n\r\nabc`);
    connection.socket.end();
    const answer = parseRaw(await connection.rest());
    expect(answer.status).toBe(400);
    expectProblem(answer, 'invalid_request');
  });

  it('release their body memory when they break in the middle of a body', async () => {
    await using small = await startTestGateway(redis.url, {
      MAX_IMAGE_BYTES: '1mb',
      MAX_INFLIGHT_BODY_BYTES: '1500000',
    });
    await using _ = await startCannedWorker(small);
    for (let i = 0; i < 5; i++) {
      using connection = await openRaw(small.port);
      await connection.send(`${HEAD}Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n`);
      await connection.until('100 Continue');
      // What has arrived is in the body memory; a second body does not fit beside it.
      await connection.send(MEGABYTE.subarray(0, 900_000));
      await expect.poll(async () => (await fetch(`${small.url}/face_detection`, LARGE)).status).toBe(429);
      connection.socket.resetAndDestroy();
      await expect.poll(async () => (await fetch(`${small.url}/face_detection`, LARGE)).status).toBe(200);
    }
  });

  it('may be reset at any moment while another is in use, which is served on', async () => {
    using other = await openRaw(gateway.port);
    let served = 0;
    for (const sent of [
      'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
      'x\r\n\r\n',
      `${HEAD}Content-Length: 9\r\n\r\n1`,
      HEAD,
      '',
    ]) {
      for (let i = 0; i < 10; i++) {
        using connection = await openRaw(gateway.port);
        await connection.send(sent);
        connection.socket.resetAndDestroy();
      }
      await other.send(`GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: call-${++served}\r\n\r\n`);
      expect(await other.until(`call-${served}`)).toMatch(/200 OK/);
    }
  });

  it('that offer an upgrade are served without it', async () => {
    const answer = await exchange(
      'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n',
    );
    expect(answer).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  });

  it('with unknown expectations are served', async () => {
    const call = request(`${gateway.url}/livez`, { headers: { expect: 'miracles', connection: 'close' } }).end();
    const status = await new Promise((resolve) =>
      call.once('response', (response) => resolve(response.resume().statusCode)),
    );
    expect(status).toBe(200);
  });

  it('that expect 100 Continue get it once', async () => {
    using connection = await openRaw(gateway.port);
    await connection.send(`${HEAD}Content-Length: 3\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n`);
    expect(await connection.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await connection.send('abc');
    const all = await connection.rest();
    expect(all.match(/100 Continue/g)).toHaveLength(1);
    expect(all).toMatch(/HTTP\/1\.1 200 OK/);
  });
});
