import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3_CREDENTIALS, startS3, type TestS3 } from '../../../test/support/servers/s3-server.ts';
import { createObjectLister } from './object-lister.ts';
import { isTransient } from './s3/failures.ts';
import { parseS3Prefix } from './s3/prefixes.ts';

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
  await s3.createBucket('photos');
});
afterAll(() => s3.stop());

function lister(prefixes: string[], { endpoint = s3.endpoint, totalMs = 10_000 } = {}) {
  return createObjectLister({
    s3: {
      prefixes: prefixes.map((prefix) => parseS3Prefix(prefix)!),
      endpoint,
      forcePathStyle: true,
      credentials: S3_CREDENTIALS,
    },
    connectMs: 2000,
    totalMs,
  });
}

/** All objects of a listing, and the number of objects of each page. */
async function all(url: string, suffixes: string[], max = 1000) {
  await using listing = lister(['photos']);
  const found: string[] = [];
  const pages: number[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page = await listing.page(url, suffixes, after, max);
    pages.push(page.objects.length);
    found.push(...page.objects.map((object) => object.url));
    after = page.next;
  }
  return { found, pages };
}

describe('a listing', () => {
  it('is refused where SOURCES does not name s3', async () => {
    await using listing = createObjectLister({
      kinds: ['inline', 'url'],
      s3: { prefixes: [parseS3Prefix('photos')!], endpoint: s3.endpoint, forcePathStyle: true },
      connectMs: 2000,
      totalMs: 10_000,
    });
    await expect(listing.page('s3://photos/', [], '', 1)).rejects.toMatchObject({
      code: 'source_forbidden',
      message: 's3 URLs are disabled here: SOURCES or the sources of the key leave out s3',
    });
  });

  it('reads every page, and each object once', async () => {
    const keys = Array.from({ length: 25 }, (_, i) => `many/${String(i).padStart(3, '0')}.jpg`);
    await Promise.all(keys.map((key) => s3.put('photos', key, 'x')));
    const { found, pages } = await all('s3://photos/many/', [], 10);
    expect(found).toEqual(keys.map((key) => `s3://photos/${key}`));
    expect(pages).toEqual([10, 10, 5]);
  });

  it('selects objects by suffix in any case, and skips folders and empty objects', async () => {
    for (const key of ['a.jpg', 'b.JPG', 'c.Png', 'd.txt', 'jpg', 'folder.jpg/', 'e.jpg.bak'])
      await s3.put('photos', `mixed/${key}`, 'x');
    await s3.put('photos', 'mixed/empty.jpg', '');
    expect((await all('s3://photos/mixed/', ['.jpg', '.PNG'])).found).toEqual(
      ['a.jpg', 'b.JPG', 'c.Png'].map((key) => `s3://photos/mixed/${key}`),
    );
    expect((await all('s3://photos/mixed/', [])).found).toHaveLength(6);
  });

  it('includes all keys that begin with the prefix, as S3 does', async () => {
    for (const key of ['day/1.jpg', 'day-2.jpg', 'da.jpg']) await s3.put('photos', `begin/${key}`, 'x');
    expect((await all('s3://photos/begin/day', [])).found).toEqual([
      's3://photos/begin/day-2.jpg',
      's3://photos/begin/day/1.jpg',
    ]);
  });

  it.each([true, false])(
    'returns keys with unusual characters unchanged (a server that encodes them: %s)',
    async (encodes) => {
      await using server = await startS3({ encodes });
      await server.createBucket('photos');
      const keys = ['a b+c%20&=?#.jpg', 'día <1> "ü".jpg'];
      for (const key of keys) await server.put('photos', `odd/${key}`, 'x');
      await using listing = lister(['photos'], server);
      const { objects } = await listing.page('s3://photos/odd/', [], '', 10);
      expect(objects.map(({ url }) => url)).toEqual(keys.map((key) => `s3://photos/odd/${key}`));
    },
  );

  it('has the size of each object', async () => {
    await s3.put('photos', 'size/a.jpg', 'four');
    await using listing = lister(['photos/size']);
    expect(await listing.page('s3://photos/size/', [], '', 10)).toEqual({
      objects: [{ url: 's3://photos/size/a.jpg', size: 4 }],
      next: null,
    });
  });

  it('outside the allowed prefixes sends no request', async () => {
    await using listing = lister(['photos/2024']);
    const before = s3.requests.length;
    await expect(listing.page('s3://photos/2025/', [], '', 10)).rejects.toMatchObject({ code: 'source_forbidden' });
    expect(s3.requests).toHaveLength(before);
  });
});

describe('a listing that fails', () => {
  const fails = async (url: string, options?: Parameters<typeof lister>[1]) => {
    await using listing = lister(['photos', 'nobucket'], options);
    return await listing.page(url, [], '', 10).then(
      () => expect.unreachable(),
      (error: Error) => error,
    );
  };

  it('in a bucket that does not exist is source_unreachable, and not transient', async () => {
    const error = await fails('s3://nobucket/a/');
    expect(error).toMatchObject({ code: 'source_unreachable', message: expect.stringContaining('no such') });
    expect(isTransient(error)).toBe(false);
  });

  it('without permission is source_forbidden, and not transient', async () => {
    s3.interfere(() => [403, 'AccessDenied']);
    const error = await fails('s3://photos/a/').finally(() => s3.interfere(() => undefined));
    expect(error).toMatchObject({ code: 'source_forbidden', message: expect.stringContaining('refuses to list') });
    expect(isTransient(error)).toBe(false);
  });

  it.each([
    [503, 'SlowDown'],
    [500, 'InternalError'],
    [429, 'TooManyRequests'],
  ])('because the server answers %i is source_unreachable, and transient', async (status, code) => {
    s3.interfere(() => [status, code]);
    const error = await fails('s3://photos/a/').finally(() => s3.interfere(() => undefined));
    expect(error).toMatchObject({ code: 'source_unreachable', message: expect.stringContaining(String(status)) });
    expect(isTransient(error)).toBe(true);
  });

  it('because the server is slow is source_timeout, and transient', async () => {
    s3.interfere(() => 'hang');
    const error = await fails('s3://photos/a/', { totalMs: 100 }).finally(() => s3.interfere(() => undefined));
    expect(error).toMatchObject({ code: 'source_timeout' });
    expect(isTransient(error)).toBe(true);
  });

  it('because no server listens is source_unreachable, and transient', async () => {
    const away = await startS3();
    await away.stop();
    const error = await fails('s3://photos/a/', { endpoint: away.endpoint });
    expect(error).toMatchObject({ code: 'source_unreachable' });
    expect(error.message).not.toContain('127.0.0.1');
    expect(isTransient(error)).toBe(true);
  });

  it('because it was aborted rejects with the reason', async () => {
    const reason = new Error('the worker is stopping');
    const abort = new AbortController();
    s3.interfere(() => {
      abort.abort(reason);
      return 'hang';
    });
    await using listing = lister(['photos']);
    await expect(
      listing.page('s3://photos/a/', [], '', 10, abort.signal).finally(() => s3.interfere(() => undefined)),
    ).rejects.toBe(reason);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  it('or succeeds leaves no listener on its signal', async () => {
    const { signal } = new AbortController();
    for (const how of [undefined, [403, 'AccessDenied'], [503, 'SlowDown'], 'hang'] as const) {
      s3.interfere(() => how);
      await using listing = lister(['photos'], how === 'hang' ? { totalMs: 100 } : {});
      await listing
        .page('s3://photos/a/', [], '', 10, signal)
        .catch(() => {})
        .finally(() => s3.interfere(() => undefined));
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
  });

  it.each([
    ['it was aborted', 'the worker is stopping'],
    ['the server is slow', 'did not answer within 0.3 s'],
    ['its lister was closed', 'were closed'],
  ])('because %s ends its connection', async (why, text) => {
    const requested = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const server = createServer((_, response) => {
      response.on('close', ended.resolve);
      requested.resolve();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await using listing = lister(['photos'], { endpoint, ...(why.includes('slow') && { totalMs: 300 }) });
      const abort = new AbortController();
      const failed = expect(listing.page('s3://photos/a/', [], '', 10, abort.signal)).rejects.toThrow(text);
      await requested.promise;
      if (why.includes('aborted')) abort.abort(new Error('the worker is stopping'));
      if (why.includes('closed')) await listing.close();
      await failed;
      await ended.promise;
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
