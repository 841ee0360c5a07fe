/** What nobody may reach through image URLs and webhooks: every way to write its address, redirects to it, and names that lead to it. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ItemLine } from '@facequeue/schema';
import { createGuardedPoster, createImageSource, parseAllowEntry } from '@facequeue/source';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LookupError } from '../../packages/source/src/names/name-lookup.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../support/processes/installation.ts';
import { type DnsServer, startDnsServer, type Zone } from '../support/servers/dns-server.ts';
import { FORBIDDEN_V4, FORBIDDEN_V6, LOCAL_NAMES, otherSchemes, spellings, urlsTo } from './corpus/urls.ts';

/** `npm run test:attack` tries every form of URL with every spelling. */
const LONG = process.env['TEST_ATTACK'] === 'long';

/** Stands for the public host of an attacker, which the settings of these tests admit. */
const ATTACKER = '127.0.0.2';
const REFUSALS = ['source_forbidden', 'invalid_request', 'source_unreachable'];

/** A server on every address of this machine that nothing may connect to. */
async function startCanary() {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret');
  }).listen(0);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/** Whether the host of a URL is an address, or one of the names of this machine. */
function isAddress(text: string, base?: string): boolean {
  const url = URL.parse(text.trim(), base);
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return (
    (isIP(host) > 0 || /(^|\.)localhost\.?$/.test(host)) &&
    !url?.username &&
    !url?.password &&
    /^https?:$/.test(url!.protocol)
  );
}

const hosts = [...FORBIDDEN_V4, ...FORBIDDEN_V6].flatMap((address) => spellings(address));
const limits = {
  maxBytes: 1000,
  connectMs: 20_000,
  headersMs: 20_000,
  totalMs: 20_000,
  leastSpeed: { bytes: 0, windowMs: 20_000 },
  maxRedirects: 3,
};
const knowsNoName = () => Promise.reject(new LookupError('ENOTFOUND'));

describe('an address that is not public', () => {
  const open = (allow: string[], connectMs: number) =>
    createImageSource({
      limits: { ...limits, connectMs },
      allow: allow.map((entry) => parseAllowEntry(entry)!),
      s3: { prefixes: [], forcePathStyle: false },
      resolve: knowsNoName,
    });

  it.each(['image URL', 'webhook URL'])('gets no connection by any spelling of a %s', async (kind) => {
    await using canary = await startCanary();
    await using source = open([], 2000);
    await using poster = createGuardedPoster({ connectMs: 2000, totalMs: 20_000, allow: [], resolve: knowsNoName });
    const request = (url: string) => (kind === 'image URL' ? source.fetch(url) : poster.post(url, {}, '{}'));
    const urls = [
      ...hosts.map((host) => `http://${host}:${canary.port}/`),
      ...(LONG ? hosts : ['127.0.0.1', '2130706433', '[::1]', '[::ffff:7f00:1]', '169.254.169.254']).flatMap((host) =>
        urlsTo(host, canary.port),
      ),
    ];
    expect(urls.length).toBeGreaterThan(1500);
    const wrong: string[] = [];
    for (const url of urls) {
      // Enough to see what is wrong.
      if (wrong.length === 5) break;
      const code = await request(url).then(
        () => 'answered',
        (error) => error.code,
      );
      if (isAddress(url) && code !== 'source_forbidden' && !hasControlCharacter(url)) wrong.push(`${code}: ${url}`);
      else if (!REFUSALS.includes(code)) wrong.push(`${code}: ${url}`);
    }
    expect(wrong).toEqual([]);
    expect(canary.connections()).toBe(0);
  });

  it('would be reached by most of these spellings without the guard', async () => {
    await using canary = await startCanary();
    // Not all are addresses of this machine for the kernel: those are given up soon.
    await using source = open(['0.0.0.0/0', '::/0'], 2000);
    const urls = spellings('127.0.0.1').map((host) => `http://${host}:${canary.port}/`);
    await Promise.all(urls.map((url) => source.fetch(url).catch(() => {})));
    expect(canary.connections()).toBeGreaterThan(40);
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
const hasControlCharacter = (text: string) => /[\u0000-\u001f]/.test(text);

describe('a gateway and a worker', () => {
  /** Names with a forbidden address among those that they have, or as their second answer. */
  const MIXED: Zone = {
    'private-last.test': { A: ['93.184.215.14', '127.0.0.1'] },
    'private-first.test': { A: ['10.0.0.1', '93.184.215.14'] },
    'one-of-nine.test': { A: [...Array.from({ length: 8 }, (_, i) => `93.184.215.${i}`), '169.254.169.254'] },
    'loopback-v6.test': { A: [ATTACKER], AAAA: ['0:0:0:0:0:0:0:1'] },
    'mapped.test': { A: [ATTACKER], AAAA: ['0:0:0:0:0:ffff:7f00:1'] },
    'nat64.test': { AAAA: ['64:ff9b:0:0:0:0:7f00:1'] },
    'metadata-v6.test': { A: ['93.184.215.14'], AAAA: ['fd00:ec2:0:0:0:0:0:254'] },
    'private-v4.test': { A: ['192.168.0.1'], AAAA: ['2606:4700:0:0:0:0:0:1111'] },
    'only-metadata.test': { A: ['169.254.169.254'] },
    'unspecified.test': { A: ['0.0.0.0'] },
    'own.test': { A: ['127.255.255.254'] },
  };
  const rebinding = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}.test`);
  const REBINDING = rebinding('rebinding', 60);
  // As many as are fetched from one address at a time.
  const REDIRECTING = rebinding('redirecting', 8);
  /** Names that lead to this machine now. */
  const moved = new Set<string>();

  let stack: AsyncDisposableStack;
  let canary: Awaited<ReturnType<typeof startCanary>>;
  let names: DnsServer;
  let installation: Installation;
  let gateway: GatewayProcess;
  let attacker: number;
  const locations: string[] = [];
  const loops = new Map<string, number>();

  /** `/hops/location`: redirects so often, at the end to that location. */
  const redirect: RequestListener = (request, response) => {
    const [, first = '', second = ''] = request.url!.split('/');
    if (first === 'image') return response.end('an image');
    if (first === 'loop') {
      loops.set(second, (loops.get(second) ?? 0) + 1);
      return response
        .writeHead(302, { location: second === 'one' ? '/loop/one' : `//other.test:${attacker}/loop/two` })
        .end();
    }
    if (first === 'late') {
      const [name = ''] = request.headers.host!.split(':');
      moved.add(name);
      // Later than the worker remembers the answer of a name server.
      return setTimeout(() => response.writeHead(307, { location: `http://${name}:${canary.port}/` }).end(), 5600);
    }
    if (!/^\d$/.test(first)) return response.writeHead(404).end();
    const hops = Number(first);
    // As the bytes of UTF-8, which is how hosts send it.
    const location =
      hops > 1 ? `/${hops - 1}/${second}` : Buffer.from(locations[Number(second)] ?? '').toString('latin1');
    return response.writeHead([301, 302, 303, 307, 308][hops % 5]!, { location }).end();
  };

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    canary = stack.use(await startCanary());
    const server = createServer(redirect).listen(0, ATTACKER);
    await once(server, 'listening');
    attacker = (server.address() as AddressInfo).port;
    stack.defer(() => server.closeAllConnections());
    stack.defer(() => void server.close());
    names = stack.use(
      await startDnsServer({
        ...MIXED,
        'attacker.test': { A: [ATTACKER] },
        'other.test': { A: [ATTACKER] },
        ...Object.fromEntries(
          [...REBINDING, ...REDIRECTING].map((name) => [
            name,
            () => ({ A: [moved.has(name) ? '127.0.0.1' : ATTACKER] }),
          ]),
        ),
      }),
    );
    installation = stack.use(await startInstallation({ SOURCE_ALLOW: ATTACKER, SOURCE_MAX_REDIRECTS: '5' }));
    gateway = await installation.gateway();
    await installation.worker({
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('../support/servers/name-servers-hook.ts', import.meta.url))}`,
      TEST_NAME_SERVER: names.address,
    });
  });
  afterAll(() => stack?.disposeAsync());

  /** The code with which each URL was refused, as one batch. */
  async function refusals(urls: readonly string[]): Promise<Map<string, string>> {
    const created = await fetch(`${gateway.url}/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: urls.map((url, i) => JSON.stringify({ id: String(i), url })).join('\n'),
    });
    expect(created.status).toBe(202);
    const { id } = (await created.json()) as { id: string };
    const results = await (await fetch(`${gateway.url}/batches/${id}/results?follow=true`)).text();
    const lines = results.split('\n').flatMap((line) => (line ? [JSON.parse(line) as ItemLine] : []));
    expect(lines).toHaveLength(urls.length);
    for (const { error } of lines) expect(error?.detail).not.toMatch(/127\.0\.0|169\.254|canary|\/work/);
    return new Map(lines.map((line) => [urls[Number(line.id)]!, line.error?.code ?? line.status]));
  }

  const unlike = (codes: Map<string, string>, isRight: (code: string, url: string) => boolean) =>
    [...codes].filter(([url, code]) => !isRight(code, url));

  it('refuse every spelling and every other scheme', async () => {
    const urls = [
      ...[...FORBIDDEN_V4, ...FORBIDDEN_V6.map((address) => `[${address}]`)].map(
        (host) => `http://${host}:${canary.port}/`,
      ),
      ...[...spellings('127.0.0.1'), ...LOCAL_NAMES].map((host) => `http://${host}:${canary.port}/`),
      ...['127.0.0.1', '[::ffff:7f00:1]', '169.254.169.254'].flatMap((host) => urlsTo(host, canary.port)),
      ...otherSchemes(canary.port),
    ];
    const codes = await refusals([...new Set(urls)]);
    const isRight = (code: string, url: string) =>
      isAddress(url) && !hasControlCharacter(url) ? code === 'source_forbidden' : REFUSALS.includes(code);
    expect(unlike(codes, isRight)).toEqual([]);
    expect(canary.connections()).toBe(0);
  });

  it('follow no redirect there, at whichever hop', async () => {
    const each = [...FORBIDDEN_V4, ...FORBIDDEN_V6.map((address) => `[${address}]`)].map(
      (host) => `http://${host}:${canary.port}/`,
    );
    const kinds = [
      `http://127.0.0.1:${canary.port}/`,
      `https://[::1]:${canary.port}/`,
      `//169.254.169.254/latest/meta-data/`,
      `http://localhost:${canary.port}/`,
      'http://only-metadata.test/',
      'file:///etc/passwd',
      's3://bucket/a.jpg',
    ];
    locations.length = 0;
    const urls: string[] = [];
    const lead = (location: string, hops: number) => {
      if (hasControlCharacter(location)) return;
      urls.push(`http://attacker.test:${attacker}/${hops}/${locations.push(location) - 1}`);
    };
    for (const location of [...each, ...otherSchemes(canary.port)]) lead(location, 1);
    for (const host of [...spellings('127.0.0.1'), ...LOCAL_NAMES]) lead(`http://${host}:${canary.port}/`, 1);
    for (const location of urlsTo('127.0.0.1', canary.port)) lead(location, 1);
    for (const hops of [2, 3, 4, 5]) for (const location of kinds) lead(location, hops);
    const codes = await refusals(urls);
    const isRight = (code: string, url: string) => {
      const [hops, location] = new URL(url).pathname.slice(1).split('/').map(Number) as [number, number];
      // Bytes beyond ASCII are read as Latin-1, and so as another name.
      const ascii = /^[\0-\x7f]*$/.test(locations[location]!);
      if (hops > 1 || (ascii && isAddress(locations[location]!, url))) return code === 'source_forbidden';
      return REFUSALS.includes(code);
    };
    expect(unlike(codes, isRight).map(([url, code]) => [code, locations[Number(url.split('/').at(-1))]])).toEqual([]);
    expect(canary.connections()).toBe(0);
    // They were followed as far as they may be.
    expect(await refusals([`http://attacker.test:${attacker}/6/0`])).toEqual(
      new Map([[`http://attacker.test:${attacker}/6/0`, 'source_unreachable']]),
    );
  });

  it('leave a loop of redirects, of one host and of two, after the last that may be followed', async () => {
    const urls = ['one', 'two'].map((loop) => `http://attacker.test:${attacker}/loop/${loop}`);
    expect([...(await refusals(urls)).values()]).toEqual(['source_unreachable', 'source_unreachable']);
    expect([loops.get('one'), loops.get('two')]).toEqual([6, 6]);
  });

  it('refuse a name with one forbidden address among public ones', async () => {
    const urls = Object.keys(MIXED).map((name) => `http://${name}:${canary.port}/`);
    expect(unlike(await refusals(urls), (code) => code === 'source_forbidden')).toEqual([]);
    expect(canary.connections()).toBe(0);
  });

  it('are not led there by a name that changes between two fetches, or between a fetch and its redirect', async () => {
    const there = (path: string, port: number) => (name: string) => `http://${name}:${port}/${path}`;
    // The server of the first answer is reached: it serves no image.
    const first = await refusals(REBINDING.map(there('image', attacker)));
    expect(unlike(first, (code) => code === 'unsupported_media_type')).toEqual([]);
    for (const name of REBINDING) moved.add(name);
    const redirected = await refusals(REDIRECTING.map(there('late', attacker)));
    expect(unlike(redirected, (code) => code === 'source_forbidden')).toEqual([]);
    expect(REDIRECTING.filter((name) => !moved.has(name))).toEqual([]);
    const second = await refusals(REBINDING.map(there('image', canary.port)));
    expect(unlike(second, (code) => code === 'source_forbidden')).toEqual([]);
    const asked = names.questions.filter((question) => /^A (rebinding|redirecting)/.test(question));
    // Each name was asked for again, and had changed.
    expect(asked.length).toBeGreaterThanOrEqual(2 * (REBINDING.length + REDIRECTING.length));
    expect(canary.connections()).toBe(0);
  });
});
