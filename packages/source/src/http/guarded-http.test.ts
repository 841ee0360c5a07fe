/** Behaviour of http and https sources only: guarding addresses, following redirects, keeping connections. */
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  createServer as createTcpServer,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
} from 'node:net';
import { inspect } from 'node:util';
import type { SourceKind } from '@facequeue/schema';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { carrierV6, writtenV4, writtenV6 } from '../address/addresses.arbitrary.ts';
import { parseAllowEntry, parseOnlyEntry } from '../address/allow-list.ts';
import { selfSigned } from '../conformance/self-signed.ts';
import { startBehavingServer } from '../conformance/server.ts';
import { LIMITS } from '../conformance/suite.ts';
import { Credentials, parseCredentials } from '../credentials.ts';
import type { SourceLimits } from '../limits.ts';
import { LookupError, type LookupFailureCode } from '../names/name-lookup.ts';
import { createImageSource } from '../source.ts';
import type { Resolve } from './connector.ts';

/** Deadline of steps that should take milliseconds, ms. */
const SOON = { timeout: 20_000 };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function sourceWith(
  allow: string[],
  more: { limits?: Partial<SourceLimits>; resolve?: Resolve; ca?: string; only?: string[] } = {},
) {
  const source = createImageSource({
    limits: { ...LIMITS, ...more.limits },
    allow: allow.map((entry) => parseAllowEntry(entry)!),
    only: (more.only ?? []).map((entry) => parseOnlyEntry(entry)!),
    s3: { prefixes: [], forcePathStyle: false },
    resolve: more.resolve,
    ca: more.ca,
  });
  open.push(source);
  return source;
}

/** A server on loopback addresses that counts its connections. */
async function listen(listener: RequestListener, address = '127.0.0.1', port = 0) {
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const bound = (server.address() as AddressInfo).port;
  return { port: bound, host: `127.0.0.1:${bound}`, connections: () => connections };
}

/** A resolver that knows only these names; each look-up of a name returns its next answer. */
function names(answers: Record<string, string[][]>) {
  const lookedUp: string[] = [];
  const resolve: Resolve = async (hostname) => {
    lookedUp.push(hostname);
    const addresses = answers[hostname]?.length === 1 ? answers[hostname][0]! : answers[hostname]?.shift();
    if (!addresses) throw new LookupError('ENOTFOUND');
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { resolve, lookedUp };
}

const ok: RequestListener = (_, response) => response.end('image');
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('an address that is not public', () => {
  it('gets no connection, however the URL writes it', async () => {
    const server = await listen(ok);
    const source = sourceWith([]);
    const loopback = fc.constant<number[]>([127, 0, 0, 1]);
    const written = fc.oneof(
      loopback.chain(writtenV4),
      loopback
        .chain(carrierV6)
        .chain(writtenV6)
        .map((address) => `[${address}]`),
      fc.constantFrom('localhost', 'LOCALHOST', '[::1]', '0.0.0.0', '0', '[::]', '127.1', '2130706433'),
    );
    await fc.assert(
      fc.asyncProperty(written, async (host) => {
        await expect(source.fetch(`http://${host}:${server.port}/`)).rejects.toMatchObject({
          code: 'source_forbidden',
          message: expect.stringContaining('SOURCE_ALLOW'),
        });
      }),
      { numRuns: 200 },
    );
    expect(server.connections()).toBe(0);
  });

  it('is refused when a name resolves to it, even among public ones', async () => {
    const server = await listen(ok);
    const { resolve } = names({
      'inside.test': [['127.0.0.1']],
      'both.test': [['1.1.1.1', '127.0.0.1']],
      'mapped.test': [['::ffff:127.0.0.1']],
      'metadata.test': [['169.254.169.254']],
    });
    const source = sourceWith([], { resolve });
    for (const name of ['inside.test', 'both.test', 'mapped.test', 'metadata.test'])
      await expect(source.fetch(`http://${name}:${server.port}/`)).rejects.toMatchObject({ code: 'source_forbidden' });
    expect(server.connections()).toBe(0);
  });

  it('is not named in the error', async () => {
    const { resolve } = names({ 'inside.test': [['10.11.12.13']] });
    const error = await sourceWith([], { resolve })
      .fetch('http://inside.test/')
      .catch((reason) => reason);
    expect(error.message).not.toMatch(/10\.11|inside/);
  });

  it('is refused when a name changes between check and connection', async () => {
    const allowed = await listen((_, response) => response.end('allowed'), '127.0.0.2');
    const secret = await listen((_, response) => response.end('secret'), '127.0.0.3', allowed.port);
    const { resolve, lookedUp } = names({ 'rebinding.test': [['127.0.0.2'], ['127.0.0.3']] });
    const source = sourceWith(['127.0.0.2'], { resolve });
    const url = `http://rebinding.test:${allowed.port}/`;
    expect(text(await source.fetch(url))).toBe('allowed');
    expect(lookedUp).toHaveLength(1);
    // A new connection looks up the name again and gets the other address.
    const fresh = sourceWith(['127.0.0.2'], { resolve });
    await expect(fresh.fetch(url)).rejects.toMatchObject({ code: 'source_forbidden' });
    expect(secret.connections()).toBe(0);
  });
});

describe('a source', () => {
  it('counts fetches by the name of a host or bucket', () => {
    const source = sourceWith([]);
    expect(
      ['http://Photos.test:8080/a', 'https://photos.test./b', 'http://[::1]:81/', 's3://photos/2024/a.jpg'].map(
        source.hostOf,
      ),
    ).toEqual(['photos.test', 'photos.test', '::1', 's3://photos']);
    expect(() => source.hostOf('ftp://photos.test/')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('knows an address of a host before it fetches from it; a bucket has none', async () => {
    const { resolve, lookedUp } = names({ 'photos.test': [['192.0.2.1', '192.0.2.2']] });
    const source = sourceWith([], { resolve });
    expect(await source.addressOf('https://photos.test/a')).toBe('192.0.2.1');
    expect(lookedUp).toEqual(['photos.test']);
    expect(await source.addressOf('http://192.0.2.9:81/')).toBe('192.0.2.9');
    expect(await source.addressOf('http://[2001:db8::1]/')).toBe('2001:db8::1');
    expect(await source.addressOf('s3://photos/a.jpg')).toBe('');
    expect(lookedUp).toHaveLength(1);
    await expect(source.addressOf('http://nowhere.test/')).rejects.toMatchObject({
      code: 'source_unreachable',
      message: "the image host's name does not resolve",
    });
  });

  it('without S3_SOURCE_PREFIXES fetches from no bucket', async () => {
    await expect(sourceWith([]).fetch('s3://photos/a.jpg')).rejects.toMatchObject({
      code: 'source_forbidden',
      message: 's3 URLs are disabled here: S3_SOURCE_PREFIXES names no bucket',
    });
  });
});

describe('the allow-list', () => {
  it.each(['127.0.0.1', '127.0.0.0/8', 'localhost', 'localhost:PORT', '127.0.0.1:PORT'])(
    'with %s admits a local server',
    async (entry) => {
      const server = await listen(ok);
      const host = entry.startsWith('localhost') ? 'localhost' : '127.0.0.1';
      const { resolve } = names({ localhost: [['127.0.0.1']] });
      const source = sourceWith([entry.replace('PORT', String(server.port))], { resolve });
      expect(text(await source.fetch(`http://${host}:${server.port}/`))).toBe('image');
    },
  );

  it('with another port does not', async () => {
    const server = await listen(ok);
    const source = sourceWith([`127.0.0.1:${server.port + 1}`, `localhost:${server.port + 1}`]);
    await expect(source.fetch(`http://${server.host}/`)).rejects.toMatchObject({ code: 'source_forbidden' });
    await expect(source.fetch(`http://localhost:${server.port}/`)).rejects.toMatchObject({ code: 'source_forbidden' });
  });
});

describe('a redirect', () => {
  const redirecting = (location: string | ((path: string) => string), status = 302) =>
    listen((request, response) => {
      if (request.url === '/image') return void response.end('image');
      response.writeHead(status, { location: typeof location === 'string' ? location : location(request.url!) }).end();
    });

  it.each([301, 302, 303, 307, 308])('of status %i is followed, relative or absolute', async (status) => {
    const server = await redirecting('/image', status);
    const other = await redirecting(`http://${server.host}/start`, status);
    const source = sourceWith([server.host, other.host]);
    expect(text(await source.fetch(`http://${other.host}/`))).toBe('image');
  });

  it('is followed only up to the limit', async () => {
    const server = await redirecting((path) => (path === '/3' ? '/image' : `/${Number(path.slice(1)) + 1}`));
    const start = `http://${server.host}/0`;
    expect(text(await sourceWith([server.host], { limits: { maxRedirects: 4 } }).fetch(start))).toBe('image');
    await expect(sourceWith([server.host], { limits: { maxRedirects: 3 } }).fetch(start)).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('more than 3 times'),
    });
  });

  it('in a loop is requested once more than redirects may be followed', async () => {
    const paths: string[] = [];
    const server = await redirecting((path) => {
      paths.push(path);
      return '/again';
    });
    await expect(sourceWith([server.host]).fetch(`http://${server.host}/`)).rejects.toMatchObject({
      code: 'source_unreachable',
    });
    expect(paths).toHaveLength(LIMITS.maxRedirects + 1);
  });

  it('to an address that is not allowed is refused, without a connection', async () => {
    const secret = await listen(ok);
    const server = await redirecting(`http://127.0.0.1:${secret.port}/`);
    await expect(sourceWith([server.host]).fetch(`http://${server.host}/`)).rejects.toMatchObject({
      code: 'source_forbidden',
    });
    expect(secret.connections()).toBe(0);
  });

  it.each([
    'file:///etc/passwd',
    's3://bucket/key',
    'ftp://example.com/',
    'data:,x',
    'http://user:secret@example.com/',
  ])('to %s is refused', async (location) => {
    const server = await redirecting(location);
    await expect(sourceWith([server.host]).fetch(`http://${server.host}/`)).rejects.toMatchObject({
      code: 'source_forbidden',
    });
  });

  it.each(['http://', 'http://[::1'])(
    'to %s, which is not a URL, makes the image source_unreachable',
    async (location) => {
      const server = await redirecting(location);
      await expect(sourceWith([server.host]).fetch(`http://${server.host}/`)).rejects.toMatchObject({
        code: 'source_unreachable',
        message: 'the image host redirects to something that is not a URL',
      });
    },
  );

  it('whose body never ends does not keep its connection', async () => {
    const server = await startBehavingServer();
    open.push(server);
    expect(await sourceWith([server.host]).fetch(`http://${server.host}/endless-redirect`)).toHaveLength(70_000);
    await server.ended('endless-redirect');
  });

  it('without a location is an answer like any other', async () => {
    const server = await listen((_, response) => response.writeHead(302).end());
    await expect(sourceWith([server.host]).fetch(`http://${server.host}/`)).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('answered 302'),
    });
  });

  it('has a body that does not count: only the image may not be too large', async () => {
    const server = await listen((request, response) => {
      if (request.url === '/image') return void response.end('image');
      response.writeHead(302, { location: '/image', 'content-length': 5000 }).end('x'.repeat(5000));
    });
    const fetched = (maxBytes: number) =>
      sourceWith([server.host], { limits: { maxBytes } }).fetch(`http://${server.host}/`);
    expect(text(await fetched(5))).toBe('image');
    await expect(fetched(4)).rejects.toMatchObject({ code: 'body_too_large' });
  });

  it('gives each host its own time to answer', async () => {
    const server = await listen((request, response) => {
      const step = Number(request.url!.slice(1));
      setTimeout(
        () => (step === 3 ? response.end('image') : response.writeHead(302, { location: `/${step + 1}` }).end()),
        1200,
      );
    });
    const source = sourceWith([server.host], { limits: { headersMs: 4500 } });
    expect(text(await source.fetch(`http://${server.host}/0`))).toBe('image');
  });

  it('counts towards the time limit of the whole fetch', async () => {
    const server = await startBehavingServer();
    open.push(server);
    const first = await redirecting(`http://${server.host}/slow-drip`);
    const source = sourceWith([server.host, first.host], { limits: { totalMs: 3000 } });
    await expect(source.fetch(`http://${first.host}/`)).rejects.toMatchObject({ code: 'source_timeout' });
    await server.ended('slow-drip');
  });
});

describe('a request for an image', () => {
  it('has a user agent and neither cookies, credentials nor a referrer', async () => {
    const requests: { url: string | undefined; headers: object }[] = [];
    const server = await listen(({ url, headers }, response) => {
      requests.push({ url, headers });
      if (url === '/start?size=2')
        return void response.writeHead(302, { location: '/image', 'set-cookie': 'a=b; Path=/' }).end();
      response.end('image');
    });
    await sourceWith([server.host]).fetch(`http://${server.host}/start?size=2#fragment`);
    const headers = {
      host: server.host,
      connection: 'keep-alive',
      'user-agent': `facequeue/${manifest.version}`,
      accept: expect.stringContaining('image/*'),
      'accept-encoding': 'identity',
    };
    expect(requests).toEqual([
      { url: '/start?size=2', headers },
      { url: '/image', headers },
    ]);
  });

  it('does not go through a proxy that the environment names', async () => {
    const proxy = await listen(ok);
    const server = await listen((_, response) => response.end('direct'));
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) vi.stubEnv(name, `http://${proxy.host}`);
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    try {
      expect(text(await sourceWith([server.host]).fetch(`http://${server.host}/`))).toBe('direct');
    } finally {
      vi.unstubAllEnvs();
    }
    expect(proxy.connections()).toBe(0);
  });

  it('reuses a connection to the same host', async () => {
    const server = await listen(ok);
    const source = sourceWith([server.host]);
    for (let i = 0; i < 10; i++) await source.fetch(`http://${server.host}/${i}`);
    // Two, because the next request may start before the pool notices that the last connection is free.
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it('uses at most 64 connections to its host, and waits while all are taken', async () => {
    const waiting: ServerResponse[] = [];
    const server = await listen((_, response) => void waiting.push(response));
    const source = sourceWith([server.host]);
    const fetched = Promise.all(Array.from({ length: 70 }, () => source.fetch(`http://${server.host}/`)));
    await expect.poll(() => waiting.length, SOON).toBe(64);
    // Had the source opened more connections, they would be there before this one of another source.
    const other = sourceWith([server.host]).fetch(`http://${server.host}/`);
    await expect.poll(() => waiting.length, SOON).toBeGreaterThan(64);
    expect([waiting.length, server.connections()]).toEqual([65, 65]);
    const answering = setInterval(() => {
      for (const response of waiting.splice(0)) response.end('image');
    }, 10);
    try {
      expect((await fetched).map(text)).toEqual(Array(70).fill('image'));
      await other;
    } finally {
      clearInterval(answering);
    }
  });

  it('leaves its connection open for 3 s, also when the server offers more or does not say', async () => {
    const idleMs = async (keepAliveTimeout: number) => {
      const server = createServer(ok);
      // Node tells clients of it, unless it is 0: no limit.
      server.keepAliveTimeout = keepAliveTimeout;
      const closed = Promise.withResolvers<void>();
      server.on('connection', (socket) => socket.on('close', closed.resolve));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      open.push({
        async [Symbol.asyncDispose]() {
          server.closeAllConnections();
          server.close();
        },
      });
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      await sourceWith([host]).fetch(`http://${host}/`);
      const began = performance.now();
      await closed.promise;
      return performance.now() - began;
    };
    for (const ms of await Promise.all([0, 3_600_000].map(idleMs))) {
      expect(ms).toBeGreaterThan(1500);
      expect(ms).toBeLessThan(12_000);
    }
  });

  it('is sent again when a kept-alive connection turns out to be dead', async () => {
    const served = new WeakSet();
    const server = await listen((request, response) => {
      if (served.has(request.socket)) return void request.socket.destroy();
      served.add(request.socket);
      response.end('image');
    });
    const source = sourceWith([server.host]);
    for (let i = 0; i < 3; i++) expect(text(await source.fetch(`http://${server.host}/`))).toBe('image');
    expect(server.connections()).toBe(3);
  });

  it('is sent again once at most, and must then be answered in time', async () => {
    const paths: string[] = [];
    const always = await listen((request) => {
      paths.push(request.url!);
      request.socket.destroy();
    });
    await expect(sourceWith([always.host]).fetch(`http://${always.host}/`)).rejects.toMatchObject({
      code: 'source_unreachable',
    });
    expect(paths).toEqual(['/', '/']);
    let requests = 0;
    const silent = await listen((request) => void (++requests === 1 && request.socket.destroy()));
    const source = sourceWith([silent.host], { limits: { headersMs: 1500 } });
    await expect(source.fetch(`http://${silent.host}/`)).rejects.toMatchObject({
      code: 'source_timeout',
      message: expect.stringContaining('did not answer within 1.5 s'),
    });
    expect(requests).toBe(2);
  });
});

describe('credentials of a host', () => {
  /** A server that answers with the Authorization it got, or redirects to `to` from /moved. */
  const echo =
    (to?: () => string): Parameters<typeof listen>[0] =>
    (request, response) => {
      if (request.url === '/moved') return response.writeHead(302, { location: to!() }).end();
      return response.end(request.headers.authorization ?? 'none');
    };
  function sourceKnowing(entries: Record<string, object>, ca?: string) {
    const source = createImageSource({
      limits: LIMITS,
      allow: [parseAllowEntry('127.0.0.1')!, parseAllowEntry('camera.test')!, parseAllowEntry('other.test')!],
      credentials: new Credentials(parseCredentials(JSON.stringify(entries))),
      s3: { prefixes: [], forcePathStyle: false },
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      ca,
    });
    open.push(source);
    return async (url: string) => text(await source.fetch(url));
  }
  const basic = `Basic ${Buffer.from('viewer:päss:word').toString('base64')}`;
  const viewer = { user: 'viewer', password: 'päss:word' };

  it('go to exactly its scheme, name and port', async () => {
    const [one, other] = [await listen(echo()), await listen(echo())];
    const fetched = sourceKnowing({
      [`http://camera.test:${one.port}`]: viewer,
      [`http://127.0.0.1:${other.port}/`]: { token: 'abc' },
      [`https://other.test:${one.port}`]: viewer,
    });
    expect(await fetched(`http://camera.test:${one.port}/snapshot.jpg`)).toBe(basic);
    expect(await fetched(`http://CAMERA.test:${one.port}/`)).toBe(basic);
    expect(await fetched(`http://127.0.0.1:${other.port}/`)).toBe('Bearer abc');
    expect(await fetched(`http://camera.test:${other.port}/`)).toBe('none');
    expect(await fetched(`http://other.test:${one.port}/`)).toBe('none');
    expect(await fetched(`http://127.0.0.1:${one.port}/`)).toBe('none');
    expect(await fetched(`http://camera.test.:${one.port}/`)).toBe('none');
  });

  it('go along with a redirect within it, and neither out of it nor into it', async () => {
    let target = '';
    const [camera, other] = [await listen(echo(() => target)), await listen(echo(() => target))];
    const [home, away] = [`http://camera.test:${camera.port}`, `http://other.test:${other.port}`];
    const fetched = sourceKnowing({ [home]: viewer, [away]: { token: 'of-the-other' } });
    target = `${home}/now-here`;
    expect(await fetched(`${home}/moved`)).toBe(basic);
    target = `${away}/elsewhere`;
    expect(await fetched(`${home}/moved`)).toBe('none');
    target = `${home}/snapshot.jpg`;
    expect(await fetched(`${away}/moved`)).toBe('none');
  });

  it('go over TLS to an https entry', async () => {
    const tls = selfSigned('camera.test');
    const server = createTlsServer(tls, echo()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push({ [Symbol.asyncDispose]: async () => void server.close() });
    const origin = `https://camera.test:${(server.address() as AddressInfo).port}`;
    expect(await sourceKnowing({ [origin]: viewer }, tls.cert)(`${origin}/a`)).toBe(basic);
  });

  it('are in no error, which says when digest authentication would be needed', async () => {
    const asked = 'Digest realm="camera", nonce="1"';
    const server = await listen((_, response) => response.writeHead(401, { 'www-authenticate': asked }).end());
    const fetched = sourceKnowing({ [`http://${server.host}`]: viewer });
    const error = await fetched(`http://${server.host}/`).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'source_unreachable',
      message: 'the image host answered 401 and asks for digest authentication, which is not supported',
    });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/viewer|päss|Basic/);
  });
});

describe('a kind of URL that SOURCES does not name', () => {
  it('is not fetched', async () => {
    const server = await listen(ok);
    const fetchWith = async (kinds: SourceKind[], url: string) => {
      const allow = [parseAllowEntry(server.host)!];
      await using source = createImageSource({
        limits: LIMITS,
        allow,
        kinds,
        s3: { prefixes: [], forcePathStyle: false },
      });
      return await source.fetch(url);
    };
    const url = `http://${server.host}/`;
    await expect(fetchWith(['s3'], url)).rejects.toMatchObject({
      code: 'source_forbidden',
      message: expect.stringContaining('leave out url'),
    });
    await expect(fetchWith(['url'], 's3://photos/a.jpg')).rejects.toMatchObject({
      code: 'source_forbidden',
      message: expect.stringContaining('leave out s3'),
    });
    expect(server.connections()).toBe(0);
    expect(text(await fetchWith(['url'], url))).toBe('image');
  });
});

describe('a destination that SOURCE_ONLY does not have', () => {
  const refused = { code: 'source_forbidden', message: 'the host and port are not among SOURCE_ONLY' };

  it('is neither looked up nor connected to', async () => {
    const server = await listen(ok);
    const { resolve, lookedUp } = names({ 'one.test': [['127.0.0.1']], 'other.test': [['127.0.0.1']] });
    const source = sourceWith(['127.0.0.0/8'], { resolve, only: [`one.test:${server.port}`] });
    expect(text(await source.fetch(`http://one.test:${server.port}/`))).toBe('image');
    const others = ['other.test', '127.0.0.1'].map((host) => `http://${host}:${server.port}/`);
    for (const url of [...others, `https://one.test:${server.port + 1}/`]) {
      await expect(source.fetch(url)).rejects.toMatchObject(refused);
      if (!url.includes('127')) await expect(source.addressOf(url)).rejects.toMatchObject(refused);
    }
    expect(lookedUp).toEqual(['one.test']);
    expect(server.connections()).toBe(1);
  });

  it('is not reached by a redirect', async () => {
    const other = await listen(ok);
    const first = await listen((_, response) => response.writeHead(302, { location: `http://${other.host}/` }).end());
    const source = sourceWith(['127.0.0.1'], { only: [first.host] });
    await expect(source.fetch(`http://${first.host}/`)).rejects.toMatchObject(refused);
    expect(other.connections()).toBe(0);
    const both = sourceWith(['127.0.0.1'], { only: [first.host, other.host] });
    expect(text(await both.fetch(`http://${first.host}/`))).toBe('image');
  });
});

describe('a host', () => {
  it('whose error answer never ends is disconnected', async () => {
    const server = await startBehavingServer();
    open.push(server);
    await expect(sourceWith([server.host]).fetch(`http://${server.host}/endless-error`)).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('answered 500'),
    });
    await server.ended('endless-error');
  });

  it('whose name does not resolve makes the image source_unreachable', async () => {
    const { resolve } = names({});
    await expect(sourceWith([], { resolve }).fetch('http://nowhere.test/')).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('does not resolve'),
    });
  });

  it('whose name server is silent makes it source_timeout', async () => {
    const source = sourceWith([], { resolve: () => new Promise(() => {}), limits: { connectMs: 200 } });
    await expect(source.fetch('http://silent.test/')).rejects.toMatchObject({
      code: 'source_timeout',
      message: expect.stringContaining('accept the connection'),
    });
  });

  it.each<[LookupFailureCode, string, string]>([
    ['LOOKUP_TIMEOUT', 'source_timeout', "the image host's name was not looked up in time"],
    ['LOOKUP_FAILED', 'source_unreachable', "the image host's name cannot be looked up: its name servers fail"],
  ])('whose look-up ends with %s makes it %s', async (failure, code, message) => {
    const source = sourceWith([], { resolve: () => Promise.reject(new LookupError(failure)) });
    await expect(source.fetch('http://silent.test/')).rejects.toMatchObject({ code, message });
  });

  it.each([0, 20_000])('is looked up in the hosts file when %i ms are allowed to connect', async (connectMs) => {
    const server = await listen(ok);
    const source = sourceWith(['localhost'], { limits: { connectMs } });
    expect(text(await source.fetch(`http://localhost:${server.port}/`))).toBe('image');
  });

  it('can be aborted during the look-up', async () => {
    const abort = new AbortController();
    const reason = new Error('the job was canceled');
    const source = sourceWith([], {
      resolve: () => {
        setImmediate(() => abort.abort(reason));
        return new Promise(() => {});
      },
    });
    await expect(source.fetch('http://silent.test/', abort.signal)).rejects.toBe(reason);
  });

  it.each([true, false])('is reached at any of its addresses, whatever is the habit of Node (%s)', async (habit) => {
    const { port } = await listen(ok);
    const { resolve } = names({ 'two.test': [['127.0.0.2', '127.0.0.1']] });
    const before = getDefaultAutoSelectFamily();
    setDefaultAutoSelectFamily(habit);
    try {
      expect(text(await sourceWith(['127.0.0.0/8'], { resolve }).fetch(`http://two.test:${port}/`))).toBe('image');
    } finally {
      setDefaultAutoSelectFamily(before);
    }
  });

  it('that also speaks HTTP/2 is asked by HTTP/1.1', async () => {
    const tls = selfSigned('photos.test');
    const server = createSecureServer({ ...tls, allowHTTP1: true }, (request, response) => {
      response.end(request.httpVersion);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push({ [Symbol.asyncDispose]: async () => void server.close() });
    const { resolve } = names({ 'photos.test': [['127.0.0.1']] });
    const source = sourceWith(['127.0.0.1'], { resolve, ca: tls.cert });
    const { port } = server.address() as AddressInfo;
    expect(text(await source.fetch(`https://photos.test:${port}/`))).toBe('1.1');
  });

  it('that refuses the connection makes it source_unreachable', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    await expect(sourceWith([host]).fetch(`http://${host}/`)).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('refused the connection'),
    });
  });

  it('that does not start TLS makes it source_timeout', async () => {
    const server = createTcpServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    open.push({ [Symbol.asyncDispose]: async () => void server.close() });
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const source = sourceWith([host], { limits: { connectMs: 200 } });
    await expect(source.fetch(`https://${host}/`)).rejects.toMatchObject({ code: 'source_timeout' });
  });

  it('that does not speak HTTP makes it source_unreachable', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).end('220 mail ready\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.on('listening', resolve));
    open.push({ [Symbol.asyncDispose]: async () => void server.close() });
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(sourceWith([host]).fetch(`http://${host}/`)).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('proper HTTP'),
    });
  });

  it.each([
    ['is self-signed', '127.0.0.1', undefined],
    ['is for another name', 'other.test', 'trusted'],
  ])('whose certificate %s makes it source_unreachable', async (_, host, trusted) => {
    const tls = selfSigned('photos.test');
    const server = await startBehavingServer(tls);
    open.push(server);
    const { resolve } = names({ 'other.test': [['127.0.0.1']], 'photos.test': [['127.0.0.1']] });
    const source = sourceWith(['127.0.0.1'], { resolve, ...(trusted && { ca: tls.cert }) });
    const port = server.host.split(':')[1];
    await expect(source.fetch(`https://${host}:${port}/found`)).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('certificate is not trusted'),
    });
    if (trusted) expect(await source.fetch(`https://photos.test:${port}/found`)).toHaveLength(70_000);
  });
});

describe('a closed source', () => {
  it('has no connection left, not even an idle one', async () => {
    const server = createServer((_, response) => response.end('image'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ [Symbol.asyncDispose]: async () => void server.close() });
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const source = sourceWith([host]);
    await Promise.all([1, 2, 3].map(() => source.fetch(`http://${host}/`)));
    expect(await connections()).toBeGreaterThan(0);
    await source.close();
    // Idle connections would otherwise be kept for 3 s.
    await expect.poll(connections, { timeout: 2000 }).toBe(0);
  });

  it('has ended the running fetches and their connections', async () => {
    const server = await startBehavingServer();
    open.push(server);
    const source = sourceWith([server.host]);
    const fetched = source.fetch(`http://${server.host}/slow-drip`);
    await server.requested('slow-drip');
    const failed = expect(fetched).rejects.toMatchObject({ code: 'source_unreachable' });
    await source.close();
    await failed;
    await server.ended('slow-drip');
  });
});
