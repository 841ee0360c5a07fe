import { getEventListeners } from 'node:events';
import { FacequeueError, type QueueName } from '@facequeue/schema';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FetchPool, FetchPoolFull, type FetchPoolOptions } from './fetch-pool.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A pool of two engines whose fetches the test ends. URLs are `host/name`. */
function openPool(options: Partial<FetchPoolOptions> = {}) {
  const lookups = new Map<string, PromiseWithResolvers<string>>();
  const fetches = new Map<
    string,
    PromiseWithResolvers<Uint8Array> & { signal: AbortSignal; onBytes: (count: number) => void }
  >();
  const pool = new FetchPool({
    source: {
      hostOf: (url) => url.split('/')[0]!,
      addressOf: (url) => lookups.get(url)?.promise ?? Promise.resolve(`address of ${url.split('/')[0]!}`),
      fetch: (url, signal, onBytes) => {
        const fetch = { ...Promise.withResolvers<Uint8Array>(), signal: signal!, onBytes: onBytes! };
        signal!.addEventListener('abort', () => fetch.reject(signal!.reason));
        fetches.set(url, fetch);
        return fetch.promise;
      },
    },
    engines: 2,
    concurrency: 8,
    maxBytes: 1000,
    onAwayChange: () => {},
    ...options,
  });
  const jobs: Record<
    string,
    { away: boolean; fetched: Disposable | null; failure: unknown; abort: (reason: unknown) => void }
  > = {};
  const request = (
    url: string,
    { flow = '', queue = 'interactive' as QueueName, maxBytes = null as number | null } = {},
  ) => {
    const controller = new AbortController();
    const job: (typeof jobs)[string] = {
      away: false,
      fetched: null,
      failure: null,
      abort: (reason) => controller.abort(reason),
    };
    jobs[url] = job;
    const place = {
      leave: () => {
        job.away = true;
      },
      rejoin: () => {
        job.away = false;
      },
    };
    pool
      .fetch({ url, flow, queue, maxBytes }, place, controller.signal)
      .then(
        (image) => {
          job.fetched = image;
        },
        (error) => {
          job.failure = error;
        },
      )
      .finally(() => expect(getEventListeners(controller.signal, 'abort')).toEqual([]));
  };
  return {
    pool,
    jobs,
    lookups,
    fetches,
    request,
    /** Several of one host, all of them before anything happens. */
    async requests(host: string, count: number, more: { flow?: string; queue?: QueueName } = {}) {
      for (let i = 0; i < count; i++) request(`${host}/${i}`, more);
      await vi.advanceTimersByTimeAsync(0);
    },
    async arrive(url: string) {
      fetches.get(url)!.resolve(new Uint8Array(1));
      await vi.advanceTimersByTimeAsync(0);
    },
    fetching: () => [...fetches.keys()].filter((url) => jobs[url]!.fetched === null && jobs[url]!.failure === null),
  };
}
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('an image', () => {
  it('is looked up, then fetched; its job is away meanwhile, and back when the image is there', async () => {
    const { pool, jobs, lookups, fetches, request, arrive } = openPool();
    lookups.set('a/1', Promise.withResolvers());
    request('a/1');
    await settle();
    expect(pool.status()).toEqual({ resolving: 1, waiting: 0, fetching: 0, fetched: 0, bytes: 0 });
    expect(jobs['a/1']!.away).toBe(true);
    lookups.get('a/1')!.resolve('192.0.2.1');
    await settle();
    expect(pool.status()).toMatchObject({ resolving: 0, fetching: 1 });
    expect(jobs['a/1']!.away).toBe(true);
    expect(pool.away()).toEqual({ interactive: 1 });
    fetches.get('a/1')!.onBytes(7);
    expect(pool.status().bytes).toBe(7);
    await arrive('a/1');
    expect(pool.status()).toEqual({ resolving: 0, waiting: 0, fetching: 0, fetched: 1, bytes: 7 });
    expect(jobs['a/1']!.away).toBe(false);
    expect(pool.away()).toEqual({});
    jobs['a/1']!.fetched![Symbol.dispose]();
    expect(pool.status()).toEqual({ resolving: 0, waiting: 0, fetching: 0, fetched: 0, bytes: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['look-up', 'fetch'])('whose %s fails leaves nothing behind', async (step) => {
    const { pool, jobs, lookups, fetches, request } = openPool();
    const failure = new FacequeueError('source_timeout', 'slow');
    if (step === 'look-up') lookups.set('a/1', Promise.withResolvers());
    request('a/1');
    await settle();
    if (step === 'fetch') fetches.get('a/1')!.onBytes(7);
    (step === 'look-up' ? lookups : fetches).get('a/1')!.reject(failure);
    await settle();
    expect(jobs['a/1']).toMatchObject({ failure, away: false });
    expect(pool.status()).toEqual({ resolving: 0, waiting: 0, fetching: 0, fetched: 0, bytes: 0 });
  });

  it.each(['look-up', 'wait', 'fetch'])('whose job is canceled during its %s leaves nothing behind', async (step) => {
    const { pool, jobs, lookups, fetches, request, requests } = openPool();
    if (step === 'look-up') lookups.set('a/x', Promise.withResolvers());
    if (step === 'wait') await requests('a', 4);
    request('a/x');
    await settle();
    const before = pool.status();
    const reason = new Error('the job was canceled');
    jobs['a/x']!.abort(reason);
    await settle();
    expect(jobs['a/x']).toMatchObject({ failure: reason, away: false });
    if (step === 'fetch') expect(fetches.get('a/x')!.signal.reason).toBe(reason);
    const { resolving, waiting, fetching } = pool.status();
    expect(resolving + waiting + fetching).toBe(before.resolving + before.waiting + before.fetching - 1);
  });

  it('of a host that has four fetches waits for one of them to end, its job away', async () => {
    const { jobs, fetching, requests, request, arrive } = openPool();
    await requests('slow', 6);
    expect(fetching()).toEqual(['slow/0', 'slow/1', 'slow/2', 'slow/3']);
    expect([jobs['slow/4']!.away, jobs['slow/5']!.away]).toEqual([true, true]);
    request('good/0');
    await settle();
    expect(fetching()).toContain('good/0');
    await arrive('slow/2');
    expect(fetching()).toEqual(['slow/0', 'slow/1', 'slow/3', 'good/0', 'slow/4']);
  });

  it('of a host is not limited to four by a worker with more engines', async () => {
    const { fetching, requests } = openPool({ engines: 8, concurrency: 64 });
    await requests('a', 20);
    expect(fetching()).toHaveLength(16);
  });

  it('of another name with the same address waits when the address has twice as many as a host may have', async () => {
    const { fetching, lookups, request } = openPool({ concurrency: 64 });
    for (let i = 0; i < 12; i++) {
      lookups.set(`${i}.wild/0`, { ...Promise.withResolvers<string>(), promise: Promise.resolve('192.0.2.1') });
      request(`${i}.wild/0`);
    }
    await settle();
    expect(fetching()).toHaveLength(8);
  });

  it('waits for an engine to need it, its job in its place, so that the worker takes no others', async () => {
    const { pool, jobs, requests, arrive, fetching } = openPool({ concurrency: 64 });
    for (const host of ['a', 'b', 'c', 'd']) await requests(host, 1);
    for (const host of ['a', 'b', 'c', 'd']) await arrive(`${host}/0`);
    expect(pool.status().fetched).toBe(4);
    await requests('e', 1);
    expect(fetching()).toEqual([]);
    expect(jobs['e/0']!.away).toBe(false);
    await requests('f', 1, { queue: 'bulk' });
    expect(fetching()).toEqual(['f/0']);
    jobs['a/0']!.fetched![Symbol.dispose]();
    await settle();
    expect(fetching()).toEqual(['f/0', 'e/0']);
  });

  it('waits while 16 fetches began only just now, and no longer than a quarter of a second', async () => {
    const { jobs, request, fetching } = openPool({ concurrency: 64 });
    for (let i = 0; i < 20; i++) request(`${i}/0`);
    await settle();
    expect(fetching()).toHaveLength(16);
    expect(jobs['19/0']!.away).toBe(false);
    await vi.advanceTimersByTimeAsync(240);
    expect(fetching()).toHaveLength(16);
    await vi.advanceTimersByTimeAsync(20);
    expect(fetching()).toHaveLength(20);
    expect(jobs['19/0']!.away).toBe(true);
  });
});

describe('flows', () => {
  it('get look-ups in turns, and none gets the last eighth of 256', async () => {
    const { lookups, request } = openPool();
    for (let i = 0; i < 300; i++) {
      lookups.set(`never${i}/0`, Promise.withResolvers());
      request(`never${i}/0`, { flow: 'flood' });
    }
    const asked = vi.spyOn(lookups, 'get');
    request('good/0', { flow: 'shop' });
    await settle();
    expect(asked.mock.calls.map(([url]) => url)).toEqual(['good/0']);
    lookups.get('never7/0')!.reject(new Error('unknown'));
    asked.mockClear();
    await settle();
    expect(asked.mock.calls.map(([url]) => url)).toEqual(['never224/0']);
  });

  it('of images on one host get a share of its fetches each', async () => {
    const { fetching, requests, request } = openPool();
    await requests('slow', 6, { flow: 'flood' });
    expect(fetching()).toHaveLength(4);
    request('slow/shop', { flow: 'shop' });
    request('slow/third', { flow: 'third' });
    await settle();
    expect(fetching()).toEqual(['slow/0', 'slow/1', 'slow/2', 'slow/3', 'slow/shop']);
  });

  it('get fetches in turns, and none gets the last eighth', async () => {
    const { fetching, requests, request } = openPool();
    for (let i = 0; i < 10; i++) request(`a${i}/0`, { flow: 'flood' });
    await settle();
    expect(fetching()).toHaveLength(7);
    await requests('b', 1, { flow: 'shop' });
    expect(fetching()).toContain('b/0');
  });
});

describe('an image larger than its caller may have fetched', () => {
  it('is interrupted as soon as so much has arrived', async () => {
    const { pool, jobs, fetches, request } = openPool();
    request('a/0', { maxBytes: 10 });
    await settle();
    const { signal, onBytes } = fetches.get('a/0')!;
    onBytes(10);
    expect(signal.aborted).toBe(false);
    onBytes(1);
    await settle();
    expect(jobs['a/0']!.failure).toMatchObject({
      code: 'body_too_large',
      message: 'the image is larger than 10 bytes',
    });
    expect(pool.status()).toMatchObject({ fetching: 0, bytes: 0 });
  });
});

describe('memory', () => {
  it('that is short interrupts the fetch that began last, which begins again when there is room', async () => {
    const { pool, jobs, fetches, request, arrive, fetching } = openPool();
    for (const url of ['a/0', 'b/0', 'c/0']) {
      request(url);
      await vi.advanceTimersByTimeAsync(1);
    }
    fetches.get('a/0')!.onBytes(600);
    fetches.get('c/0')!.onBytes(300);
    const interrupted = fetches.get('c/0')!;
    fetches.delete('c/0');
    fetches.get('b/0')!.onBytes(200);
    await settle();
    expect(interrupted.signal.aborted).toBe(true);
    expect(jobs['c/0']).toMatchObject({ failure: null, away: true });
    expect(pool.status()).toMatchObject({ fetching: 2, waiting: 1, bytes: 800 });
    await arrive('a/0');
    expect(jobs['c/0']!.away).toBe(false);
    jobs['a/0']!.fetched![Symbol.dispose]();
    await settle();
    expect(fetching()).toEqual(['b/0', 'c/0']);
    expect(pool.status()).toMatchObject({ fetching: 2, waiting: 0, bytes: 200 });
  });

  it('of one flow is a quarter before it begins no more, and others go on', async () => {
    const { jobs, fetches, request, fetching } = openPool();
    request('a/0', { flow: 'large' });
    await settle();
    fetches.get('a/0')!.onBytes(250);
    request('a/1', { flow: 'large' });
    request('b/0', { flow: 'shop' });
    await settle();
    expect(fetching()).toEqual(['a/0', 'b/0']);
    // It waits for a fetch that may be slow, so its worker takes other jobs meanwhile.
    expect(jobs['a/1']!.away).toBe(true);
  });

  it('that is short is taken from the flow that has most of it', async () => {
    const { jobs, fetches, request } = openPool();
    for (const [url, flow] of [
      ['a/0', 'large'],
      ['a/1', 'large'],
      ['b/0', 'shop'],
    ] as const) {
      request(url, { flow });
      await vi.advanceTimersByTimeAsync(1);
    }
    fetches.get('a/0')!.onBytes(500);
    fetches.get('a/1')!.onBytes(400);
    const [shop, large] = [fetches.get('b/0')!, fetches.get('a/1')!];
    shop.onBytes(200);
    await settle();
    expect([large.signal.aborted, shop.signal.aborted]).toEqual([true, false]);
    expect(jobs['a/1']!.failure).toBeNull();
  });

  it('is no obstacle to the only fetch', async () => {
    const { pool, fetches, request } = openPool();
    request('a/0');
    await settle();
    fetches.get('a/0')!.onBytes(5000);
    await settle();
    expect(fetches.get('a/0')!.signal.aborted).toBe(false);
    expect(pool.status()).toMatchObject({ fetching: 1, bytes: 5000 });
  });
});

describe('a pool', () => {
  it('refuses jobs beyond seven eighths of 1 024 of one host or flow, and beyond all of them', async () => {
    const { jobs, requests, request } = openPool();
    await requests('slow', 896, { flow: 'flood' });
    for (const [url, flow] of [
      ['slow/x', 'shop'],
      ['other/x', 'flood'],
    ] as const) {
      request(url, { flow });
      await settle();
      expect(jobs[url]!.failure).toBeInstanceOf(FetchPoolFull);
    }
    for (let i = 0; i < 128; i++) request(`good${i}/0`, { flow: `shop${i}` });
    await settle();
    expect(jobs['good127/0']!.failure).toBeNull();
    request('last/0', { flow: 'last' });
    await settle();
    expect(jobs['last/0']!.failure).toBeInstanceOf(FetchPoolFull);
  });

  it('says when eight jobs more or less are away', async () => {
    const onAwayChange = vi.fn();
    const { jobs, requests } = openPool({ onAwayChange });
    await requests('slow', 7);
    expect(onAwayChange).not.toHaveBeenCalled();
    await requests('other', 1);
    expect(onAwayChange).toHaveBeenCalledTimes(1);
    for (const job of Object.values(jobs)) job.abort(new Error('canceled'));
    await settle();
    expect(onAwayChange).toHaveBeenCalledTimes(2);
  });

  it('looks up 256 names at a time', async () => {
    const { pool, lookups, request } = openPool();
    for (let i = 0; i < 300; i++) {
      lookups.set(`${i}/0`, Promise.withResolvers());
      request(`${i}/0`, { flow: `${i % 2}` });
    }
    const asked = vi.spyOn(lookups, 'get');
    await settle();
    expect(pool.status().resolving).toBe(300);
    lookups.get('0/0')!.reject(new Error('unknown'));
    await settle();
    expect(asked.mock.calls.map(([url]) => url)).toContain('256/0');
    expect(asked.mock.calls.map(([url]) => url)).not.toContain('257/0');
  });

  it('that drains lets fetches end, and begins no more', async () => {
    const { pool, jobs, lookups, requests, request, arrive } = openPool();
    await requests('slow', 5);
    lookups.set('other/0', Promise.withResolvers());
    request('other/0');
    await settle();
    pool.drain();
    request('late/0');
    await settle();
    for (const url of ['slow/4', 'other/0', 'late/0']) expect(jobs[url]!.failure).toBeInstanceOf(FetchPoolFull);
    expect(pool.status()).toMatchObject({ resolving: 0, waiting: 0, fetching: 4 });
    await arrive('slow/0');
    expect(jobs['slow/0']!.fetched).not.toBeNull();
    expect(pool.status()).toMatchObject({ fetching: 3, fetched: 1 });
  });

  it('that is closed has no timer', async () => {
    const { pool, request } = openPool({ concurrency: 64 });
    for (let i = 0; i < 20; i++) request(`${i}/0`);
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    pool.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
