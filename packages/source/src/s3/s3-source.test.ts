import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { selfSigned } from '../conformance/self-signed.ts';
import { type Behaviour, BYTES, startBehavingServer } from '../conformance/server.ts';
import { describeSource, LIMITS, type Subject } from '../conformance/suite.ts';
import type { SourceLimits } from '../limits.ts';
import { createImageSource } from '../source.ts';
import { parseS3Prefix } from './prefixes.ts';

/** Deadline of steps that should take milliseconds, ms. */
const SOON = { timeout: 20_000 };

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

function s3Source(endpoint: string, prefixes: string[], limits: SourceLimits = LIMITS, ca?: string) {
  return createImageSource({
    limits,
    allow: [],
    s3: {
      prefixes: prefixes.map((prefix) => parseS3Prefix(prefix)!),
      endpoint,
      forcePathStyle: true,
      credentials,
    },
    ca,
  });
}

/** A real S3 server with objects of these keys in the bucket `images`. */
async function startS3(objects: Record<string, Uint8Array>): Promise<FauxqsServer> {
  const server = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
  });
  await client.send(new CreateBucketCommand({ Bucket: 'images' }));
  for (const [Key, Body] of Object.entries(objects))
    await client.send(new PutObjectCommand({ Bucket: 'images', Key, Body }));
  client.destroy();
  return server;
}

/** Makes a server listen until the scope ends. */
async function listening(server: Server): Promise<AsyncDisposable & { endpoint: string }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A real S3 server where it shows the behaviour; otherwise a server that misbehaves as an S3 server might. */
async function overS3(): Promise<Subject> {
  const real = await startS3({ 'camera/found': BYTES, 'camera/empty': new Uint8Array() });
  const behaving = await startBehavingServer();
  const realBehaviours: Behaviour[] = ['found', 'empty', 'missing'];
  return {
    open: (behaviour, limits) => ({
      source: s3Source(
        realBehaviours.includes(behaviour) ? `http://127.0.0.1:${real.port}` : `http://${behaving.host}`,
        ['images/camera'],
        limits,
      ),
      url: `s3://images/camera/${behaviour}`,
    }),
    requested: behaving.requested,
    ended: behaving.ended,
    async [Symbol.asyncDispose]() {
      await behaving[Symbol.asyncDispose]();
      await real.stop();
    },
  };
}

describeSource('s3', overS3);

describe('an object of a bucket', () => {
  /** Keys with characters that are special in URLs but not in S3 keys. */
  const KEYS = ['photos/a.jpg', 'photos/día 1/ü+%20&=?#.jpg', 'photos/a//b', "photos/x;y,z:@!$'()*~"];
  let server: FauxqsServer;
  let endpoint: string;
  beforeAll(async () => {
    server = await startS3({
      ...Object.fromEntries(KEYS.map((key) => [key, new TextEncoder().encode(key)])),
      'photos-private/a.jpg': BYTES,
      photos: BYTES,
    });
    endpoint = `http://127.0.0.1:${server.port}`;
  });
  afterAll(() => server.stop());

  it.each(KEYS)('is found by its literal key: %s', async (key) => {
    await using source = s3Source(endpoint, ['images/photos']);
    expect(new TextDecoder().decode(await source.fetch(`s3://images/${key}`))).toBe(key);
  });

  it.each([
    ['s3://images/photos-private/a.jpg', ['images/photos']],
    ['s3://images/photos-private/a.jpg', ['images/photos/']],
    ['s3://images/photos', ['images/photos']],
    ['s3://images/Photos/a.jpg', ['images/photos']],
    ['s3://images/photos/a.jpg', ['image']],
    ['s3://images/photos/a.jpg', ['other', 'other/photos']],
    ['s3://images/photos/a.jpg', []],
  ])('%s is refused when %j is allowed', async (url, prefixes) => {
    await using source = s3Source(endpoint, prefixes);
    await expect(source.fetch(url)).rejects.toMatchObject({
      code: 'source_forbidden',
      message: expect.stringContaining('S3_SOURCE_PREFIXES'),
    });
  });

  it('is found when its whole bucket is allowed, or any one of several prefixes', async () => {
    for (const prefixes of [['images'], ['s3://images/'], ['other', 'images/x', 'images/photos/']]) {
      await using source = s3Source(endpoint, prefixes);
      expect(await source.fetch('s3://images/photos/a.jpg')).toHaveLength(12);
    }
  });

  it('in a bucket that does not exist is source_unreachable', async () => {
    await using source = s3Source(endpoint, ['nobucket']);
    await expect(source.fetch('s3://nobucket/a.jpg')).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringContaining('no such object or bucket'),
    });
  });
});

describe('an object storage', () => {
  it('that denies access makes the image source_forbidden', async () => {
    await using server = await startBehavingServer();
    await using source = s3Source(`http://${server.host}`, ['images']);
    await expect(source.fetch('s3://images/forbidden')).rejects.toMatchObject({ code: 'source_forbidden' });
  });

  it('receives exactly the key, dots within names included', async () => {
    await using server = await startBehavingServer();
    await using source = s3Source(`http://${server.host}`, ['images/open']);
    await source.fetch('s3://images/open/..a/b../.c/found');
    expect(server.paths).toEqual(['/images/open/..a/b../.c/found']);
  });

  it('is not asked for a key with a segment . or .., which it might follow out of the prefix', async () => {
    await using server = await startBehavingServer();
    await using source = s3Source(`http://${server.host}`, ['images/open', 'images']);
    for (const key of ['open/../secret/found', '../found', 'open/..', './found', 'open/./found'])
      await expect(source.fetch(`s3://images/${key}`)).rejects.toMatchObject({
        code: 'invalid_request',
        message: 'the key in url has a segment . or ..',
      });
    expect(server.paths).toEqual([]);
  });

  it('receives the bucket in the path when that is set', async () => {
    await using server = await startBehavingServer();
    await using source = s3Source(`http://${server.host.replace('127.0.0.1', 'localhost')}`, ['images']);
    await source.fetch('s3://images/found');
    expect(server.paths).toEqual(['/images/found']);
  });

  it('whose credentials take too long can be aborted', async () => {
    const abort = new AbortController();
    const reason = new Error('the job was canceled');
    await using source = createImageSource({
      limits: LIMITS,
      allow: [],
      s3: {
        prefixes: [{ bucket: 'images', prefix: '' }],
        endpoint: 'http://127.0.0.1:1',
        forcePathStyle: true,
        credentials: () => {
          setImmediate(() => abort.abort(reason));
          return new Promise(() => {});
        },
      },
    });
    await expect(source.fetch('s3://images/found', abort.signal)).rejects.toBe(reason);
  });

  it('without credentials makes the image source_forbidden', async () => {
    await using server = await startBehavingServer();
    await using source = createImageSource({
      limits: LIMITS,
      allow: [],
      s3: {
        prefixes: [{ bucket: 'images', prefix: '' }],
        endpoint: `http://${server.host}`,
        forcePathStyle: true,
        credentials: async () => {
          throw Object.assign(new Error('none found'), { name: 'CredentialsProviderError' });
        },
      },
    });
    await expect(source.fetch('s3://images/found')).rejects.toMatchObject({
      code: 'source_forbidden',
      message: expect.stringContaining('no credentials'),
    });
    expect(server.paths).toEqual([]);
  });

  it('on AWS needs a region, and the error says so', async () => {
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
    try {
      await using source = createImageSource({
        limits: LIMITS,
        allow: [],
        s3: { prefixes: [{ bucket: 'images', prefix: '' }], forcePathStyle: false, credentials },
      });
      await expect(source.fetch('s3://images/found')).rejects.toMatchObject({
        code: 'source_forbidden',
        message: expect.stringContaining('S3_REGION'),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('is asked over connections that are used again', async () => {
    const connections = new Set<Socket>();
    const server = createServer((request, response) => {
      connections.add(request.socket);
      response.end('image');
    });
    await using storage = await listening(server);
    await using source = s3Source(storage.endpoint, ['images']);
    for (let i = 0; i < 5; i++) await source.fetch(`s3://images/${i}`);
    // Two, because the next request may start before the last connection counts as free.
    expect(connections.size).toBeLessThanOrEqual(2);
  });

  it('is asked over at most 64 connections at a time', async () => {
    const waiting: ServerResponse[] = [];
    await using storage = await listening(createServer((_, response) => void waiting.push(response)));
    await using source = s3Source(storage.endpoint, ['images']);
    const fetched = Promise.all(Array.from({ length: 70 }, (_, i) => source.fetch(`s3://images/${i}`)));
    await expect.poll(() => waiting.length, SOON).toBe(64);
    // Had the source sent more, they would be there before this request of another source.
    await using other = s3Source(storage.endpoint, ['images']);
    const last = other.fetch('s3://images/last');
    await expect.poll(() => waiting.length, SOON).toBeGreaterThan(64);
    expect(waiting).toHaveLength(65);
    const answering = setInterval(() => {
      for (const response of waiting.splice(0)) response.end('image');
    }, 10);
    try {
      expect(await fetched).toHaveLength(70);
      await last;
    } finally {
      clearInterval(answering);
    }
  });

  it('that does not listen is source_unreachable', async () => {
    const server = await startBehavingServer();
    await server[Symbol.asyncDispose]();
    await using source = s3Source(`http://${server.host}`, ['images']);
    await expect(source.fetch('s3://images/found')).rejects.toMatchObject({ code: 'source_unreachable' });
  });

  it('can be reached over TLS with a private certificate authority, and not without it', async () => {
    const tls = selfSigned('storage.test');
    await using server = await startBehavingServer(tls);
    await using trusting = s3Source(`https://${server.host}`, ['images'], LIMITS, tls.cert);
    expect(await trusting.fetch('s3://images/found')).toHaveLength(BYTES.length);
    await using other = s3Source(`https://${server.host}`, ['images']);
    await expect(other.fetch('s3://images/found')).rejects.toMatchObject({ code: 'source_unreachable' });
  });
});
