import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllowEntry, parseOnlyEntry } from './address/allow-list.ts';
import { selfSigned } from './conformance/self-signed.ts';
import { type Behaviour, startBehavingServer } from './conformance/server.ts';
import { createGuardedPoster, type PosterOptions } from './poster.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function posterTo(hosts: string[], more: Partial<PosterOptions> = {}) {
  const poster = createGuardedPoster({
    connectMs: 2000,
    totalMs: 5000,
    allow: hosts.map((host) => parseAllowEntry(host)!),
    ...more,
  });
  open.push(poster);
  return poster;
}

async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  let connections = 0;
  server.on('connection', () => connections++);
  await once(server, 'listening');
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections };
}

const behaving = async (tls?: { key: string; cert: string }) => {
  const server = await startBehavingServer(tls);
  open.push(server);
  return server;
};

describe('a post', () => {
  it('goes to destinations of SOURCE_ONLY alone', async () => {
    const [listed, other] = [
      await listen((_, response) => response.end()),
      await listen((_, response) => response.end()),
    ];
    const poster = posterTo(['127.0.0.1'], { only: [parseOnlyEntry(listed.host)!] });
    expect((await poster.post(`http://${listed.host}/`, {}, '{}')).status).toBe(200);
    await expect(poster.post(`http://${other.host}/`, {}, '{}')).rejects.toMatchObject({ code: 'source_forbidden' });
    expect(other.connections()).toBe(0);
  });

  it('sends headers and body, and returns the status', async () => {
    const seen: object[] = [];
    const server = await listen(async (request, response) => {
      const { method, url, headers } = request;
      seen.push({ method, url, headers, body: await text(request) });
      response.writeHead(202).end('thanks');
    });
    const poster = posterTo([server.host]);
    const headers = { 'content-type': 'application/json', 'webhook-id': 'm1' };
    expect(await poster.post(`http://${server.host}/hook?a=b#c`, headers, '{"ü":1}')).toStrictEqual({ status: 202 });
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/hook?a=b',
        headers: {
          host: server.host,
          connection: 'close',
          'user-agent': expect.stringMatching(/^facequeue\//),
          accept: '*/*',
          'accept-encoding': 'identity',
          'content-length': '8',
          ...headers,
        },
        body: '{"ü":1}',
      },
    ]);
  });

  it('is sent once, on its own connection, whatever the receiver does', async () => {
    const server = await behaving();
    await expect(posterTo([server.host]).post(`http://${server.host}/hang-up-before-headers`, {}, '')).rejects.toThrow(
      expect.objectContaining({ code: 'source_unreachable', message: expect.stringContaining('the receiver closed') }),
    );
    expect(server.paths).toHaveLength(1);
    const counted = await listen((request, response) => request.resume().on('end', () => response.end()));
    const poster = posterTo([counted.host]);
    for (let i = 0; i < 3; i++) await poster.post(`http://${counted.host}/`, {}, 'x');
    expect(counted.connections()).toBe(3);
  });

  it('returns any other status, and Retry-After', async () => {
    const server = await listen((request, response) => {
      const status = Number(request.url!.slice(1));
      response.writeHead(status, { 'retry-after': '7' }).end();
    });
    for (const status of [204, 400, 410, 503]) {
      const answer = await posterTo([server.host]).post(`http://${server.host}/${status}`, {}, '');
      expect(answer).toEqual({ status, retryAfterMs: 7000 });
    }
  });

  it('follows no redirect', async () => {
    const other = await listen((_, response) => response.end());
    for (const status of [301, 302, 303, 307, 308]) {
      const server = await listen((_, response) =>
        response.writeHead(status, { location: `http://${other.host}/` }).end(),
      );
      const answer = await posterTo([server.host, other.host]).post(`http://${server.host}/`, {}, 'x');
      expect(answer).toEqual({ status });
    }
    expect(other.connections()).toBe(0);
  });

  it('reads a short answer to its end, so that the receiver does not see its connection break', async () => {
    const ended = Promise.withResolvers<boolean>();
    const server = await listen((_, response) => {
      response.on('close', () => ended.resolve(response.writableFinished));
      response.writeHead(202).write('thank');
      setTimeout(() => response.end(' you'), 100);
    });
    expect(await posterTo([server.host]).post(`http://${server.host}/`, {}, '')).toEqual({ status: 202 });
    expect(await ended.promise).toBe(true);
  });

  it('waits at most a second for the end of an answer', async () => {
    const server = await behaving();
    const began = performance.now();
    expect(await posterTo([server.host]).post(`http://${server.host}/silence-midway`, {}, '')).toEqual({ status: 200 });
    expect(performance.now() - began).toBeLessThan(10_000);
    await server.ended('silence-midway');
  });

  it('returns the status of an answer whose body never ends, and disconnects', async () => {
    const server = await behaving();
    expect(await posterTo([server.host]).post(`http://${server.host}/endless-error`, {}, '')).toEqual({ status: 500 });
    await server.ended('endless-error');
    expect(await posterTo([server.host]).post(`http://${server.host}/slow-drip`, {}, '')).toEqual({ status: 200 });
    await server.ended('slow-drip');
  });

  it('reads a small body of unstated length for a second at most', async () => {
    const disconnected = Promise.withResolvers<void>();
    const server = await listen((_, response) => {
      response.on('close', () => disconnected.resolve()).write('one');
    });
    const began = performance.now();
    expect(await posterTo([server.host]).post(`http://${server.host}/`, {}, '')).toEqual({ status: 200 });
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(performance.now() - began).toBeLessThan(10_000);
    await disconnected.promise;
  });
});

describe('a receiver', () => {
  it('at an address that is not public gets no connection', async () => {
    const server = await listen((_, response) => response.end());
    const resolve: PosterOptions['resolve'] = async () => [{ address: '127.0.0.1', family: 4 }];
    const port = server.host.split(':')[1];
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', 'inside.test']) {
      await expect(posterTo([], { resolve }).post(`http://${host}:${port}/`, {}, '')).rejects.toMatchObject({
        code: 'source_forbidden',
      });
    }
    expect(server.connections()).toBe(0);
  });

  it('that never answers is source_timeout, and its connection ends', async () => {
    const server = await behaving();
    const poster = posterTo([server.host], { totalMs: 1000 });
    await expect(poster.post(`http://${server.host}/silence-before-headers`, {}, '')).rejects.toMatchObject({
      code: 'source_timeout',
      message: 'the receiver did not answer within 1 s',
    });
    await server.ended('silence-before-headers');
  });

  it('that stops reading is source_timeout, and its connection ends', async () => {
    const closed = Promise.withResolvers<void>();
    const server = createTcpServer((socket) => {
      socket.on('error', () => {}).on('close', () => closed.resolve());
      socket.pause();
      // A paused socket learns of the other side's end when it reads again.
      setTimeout(() => socket.resume(), 1000);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push({ [Symbol.asyncDispose]: async () => void server.close() });
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const post = posterTo([host], { totalMs: 300 }).post(`http://${host}/`, {}, 'x'.repeat(20e6));
    await expect(post).rejects.toMatchObject({
      code: 'source_timeout',
      message: 'the receiver did not answer within 0.3 s',
    });
    await closed.promise;
  });

  it.each<[Behaviour, object]>([
    ['found', {}],
    ['missing', {}],
    ['endless-error', {}],
    ['hang-up-before-headers', {}],
    ['silence-before-headers', { totalMs: 100 }],
  ])('leaves no listener on the signal after %s', async (behaviour, more) => {
    const server = await behaving();
    const { signal } = new AbortController();
    await posterTo([server.host], more)
      .post(`http://${server.host}/${behaviour}`, {}, '', signal)
      .catch(() => {});
    expect(server.paths).toHaveLength(1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that does not listen is source_unreachable', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.close();
    await once(server, 'close');
    await expect(posterTo([host]).post(`http://${host}/`, {}, '')).rejects.toMatchObject({
      code: 'source_unreachable',
      message: 'the receiver refused the connection',
    });
  });

  it('with a certificate that is not trusted gets nothing', async () => {
    const tls = selfSigned('hooks.test');
    const server = await behaving(tls);
    await expect(posterTo([server.host]).post(`https://${server.host}/found`, {}, '')).rejects.toMatchObject({
      code: 'source_unreachable',
      message: "the receiver's certificate is not trusted",
    });
    expect(server.paths).toEqual([]);
    const trusting = posterTo([server.host], { ca: tls.cert });
    expect(await trusting.post(`https://${server.host}/found`, {}, '')).toEqual({ status: 200 });
  });

  it('is disconnected when the signal aborts', async () => {
    const server = await behaving();
    const abort = new AbortController();
    const posted = posterTo([server.host]).post(`http://${server.host}/silence-before-headers`, {}, '', abort.signal);
    await server.requested('silence-before-headers');
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(posted).rejects.toBe(reason);
    await server.ended('silence-before-headers');
  });
});

describe('a closed poster', () => {
  it('has ended the running requests', async () => {
    const server = await behaving();
    const poster = posterTo([server.host]);
    const posted = poster.post(`http://${server.host}/silence-before-headers`, {}, '');
    await server.requested('silence-before-headers');
    const failed = expect(posted).rejects.toMatchObject({ code: 'source_unreachable' });
    await poster.close();
    await failed;
    await server.ended('silence-before-headers');
  });
});
