/** How items and batches end: what is listed, what is returned of the limits, and what remains. By scripts alone. */
import { audit } from '@facequeue/audit';
import { describe, expect, it } from 'vitest';
import { readPage } from '../redis/stream-page.ts';
import { dump } from '../testing/dump.ts';
import { IMAGE, LONG } from '../testing/rig.ts';
import { badItem, inlineItem, urlItem } from '../testing/script-harness.ts';
import { by, raw, useScripts } from '../testing/scripts-on-redis.ts';
import { leaseScript, reportScript } from '../webhook/webhooks.ts';
import type { ItemResult, NewItem } from './batch.ts';
import { itemResultFrom } from './record.ts';

useScripts();

const all = () => dump(raw, by.prefix);
const stat = (field: string) => raw.hget(by.key('stats'), field);
async function sound(): Promise<void> {
  expect((await audit(raw, by.prefix)).findings).toEqual([]);
}

/** Results in the order in which the items ended. */
async function results(id = 'b'): Promise<ItemResult[]> {
  return (await readPage(raw, by.key(`results:${id}`), '', 1000)).map(itemResultFrom);
}

/** An open batch `b` with these items. @returns its lane tokens */
async function open(items: NewItem[], duplicates: 'skip' | 'fail' = 'fail'): Promise<string[]> {
  await by.create('b', { open: true });
  await by.settle('b');
  return (await by.append('b', items, duplicates)).tokens;
}

const at = (line: number, item: NewItem): NewItem => ({ ...item, line });
const unknown = { image: null, timings: {}, result: null };

describe('the result of an item', () => {
  it('that could not be read has its line and error, and no attempt', async () => {
    await open([badItem('bad'), badItem(null, 8), at(9, urlItem('bad'))]);
    const failed = { status: 'failed', jobId: '', attempts: 0, finishedAt: expect.any(Number), ...unknown };
    const error = { code: 'invalid_base64', detail: 'img: is not base64' };
    const duplicate = { code: 'invalid_request', detail: 'id: an earlier item of the batch has it' };
    expect(await results()).toEqual([
      { cursor: '1', name: 'bad', line: 7, error, ...failed },
      { cursor: '2', name: '#2', line: 8, error, ...failed },
      { cursor: '3', name: '#3', line: 9, error: duplicate, ...failed },
    ]);
  });

  it('that a worker has ended has its line, attempts, and all that the worker found out', async () => {
    const tokens = await open([at(1, inlineItem('a')), at(2, urlItem('b'))]);
    const [one, two] = [(await by.claim(tokens[0]!)).job!, (await by.claim(tokens[1]!)).job!];
    await by.release(one.id, 1);
    await by.claim(tokens[0]!);
    await by.finish(one.id, 2);
    await by.finish(two.id, 1, 'failed');
    const found = { image: IMAGE, timings: {}, finishedAt: expect.any(Number) };
    expect(await results()).toEqual([
      {
        ...found,
        cursor: '1',
        name: 'a',
        line: 1,
        jobId: one.id,
        status: 'succeeded',
        attempts: 2,
        error: null,
        result: Buffer.from('result'),
      },
      {
        ...found,
        cursor: '2',
        name: 'b',
        line: 2,
        jobId: two.id,
        status: 'failed',
        attempts: 1,
        error: { code: 'x', detail: 'y' },
        result: null,
      },
    ]);
  });

  it('that has no line has none', async () => {
    const [token] = await open([urlItem('a')]);
    const { job } = await by.claim(token!);
    await by.finish(job!.id, 1);
    expect(await results()).toMatchObject([{ line: null }]);
  });

  it('that was canceled, expired or was tried too often has its line, attempts and error', async () => {
    const given = ['canceled', 'late', 'often', 'active', 'waiting'].map((name, i) => at(i + 1, urlItem(name)));
    const tokens = await open(given);
    const ids: string[] = [];
    for (const token of tokens.slice(0, 4)) ids.push((await by.claim(token)).job!.id);
    await by.cancel(ids[0]!);
    await raw.hset(by.key(`job:${ids[1]}`), 'expiresAt', 1);
    await by.hurry(ids[1]!);
    await by.sweep();
    await by.lock('bulk', tokens[2]!, 'of another');
    expect((await by.claim(tokens[2]!, 1)).job).toBeNull();
    expect(await by.stop('b', 'cancel')).toEqual({ exists: true, more: false });
    const expected = [
      ['canceled', 1, 'canceled', 1, 'canceled', 'the job was canceled'],
      ['late', 2, 'failed', 1, 'expired', 'the job was not started in time'],
      ['often', 3, 'failed', 1, 'internal_error', 'the job was abandoned after 1 attempts that did not end'],
      ['waiting', 5, 'canceled', 0, 'canceled', 'the batch was canceled'],
      ['active', 4, 'canceled', 1, 'canceled', 'the batch was canceled'],
    ];
    const listed = await results();
    expect(
      listed.map(({ name, line, status, attempts, error }) => [
        name,
        line,
        status,
        attempts,
        error?.code,
        error?.detail,
      ]),
    ).toEqual(expected);
    expect(listed.every(({ jobId }) => jobId.length === ids[0]!.length)).toBe(true);
    expect(listed.map(({ cursor }) => cursor)).toEqual(['1', '2', '3', '4', '5']);
    await sound();
  });
});

describe('the job of an item', () => {
  it('has the time of its append, and a week to start after each return to the queue', async () => {
    const WEEK = 604_800_000;
    const [token] = await open([inlineItem('a')]);
    const { t } = JSON.parse((await raw.lindex(by.key('lane:batch:b'), 0))!) as { t: number };
    const { job } = await by.claim(token!);
    expect(job).toMatchObject({ queue: 'bulk', attempt: 1, source: { kind: 'inline' }, createdAt: t });
    const times = async () =>
      (await raw.hmget(by.key(`job:${job!.id}`), 'createdAt', 'startWithin', 'expiresAt')).map(Number);
    expect((await times()).slice(0, 2)).toEqual([t, WEEK]);
    await by.release(job!.id, 1);
    const waitsSince = Number(await raw.zscore(by.key('waiting:bulk'), job!.id));
    expect(await times()).toEqual([t, WEEK, waitsSince + WEEK]);
  });
});

describe('small images and results', () => {
  it.each(['job', 'item', 'frame'] as const)('of one byte are stored and returned as larger ones: %s', async (what) => {
    let token = 'j';
    if (what === 'job') await by.submit('j', { blob: Buffer.from('x') });
    if (what === 'item') [token = ''] = await open([inlineItem(null, 'x')]);
    if (what === 'frame')
      [, , , token] = (await by.frame('j', 'gate', { bytes: Buffer.from('x') })) as [string, number, number, string];
    const before = Number(await stat('resultBytes'));
    const { id } = (await by.claim(token)).job!;
    expect(await raw.get(by.key(`blob:${id}`))).toBe('x');
    expect(await stat('blobBytes')).toBe('1');
    await by.finish(id, 1, 'succeeded', 'r');
    expect(await raw.exists(by.key(`blob:${id}`))).toBe(0);
    expect(await stat('blobBytes')).toBe('0');
    expect(Number(await stat('resultBytes'))).toBeGreaterThan(before);
    await sound();
    if (what === 'job') {
      expect(await stat('resultBytes')).toBe('1');
      await by.erase('j', 'o');
      expect(await stat('resultBytes')).toBe('0');
      await by.submit('j', { blob: Buffer.from('x') });
      expect(await by.abort('j')).toBe(true);
      expect(await stat('blobBytes')).toBe('0');
      await sound();
    }
  });

  it('of no byte leave nothing to store', async () => {
    await by.submit('j', { source: 'https://a.example/', blob: Buffer.alloc(0) });
    await by.frame('f', 'gate', { bytes: Buffer.alloc(0) });
    const [token] = await open([inlineItem(null, ''), urlItem(null)]);
    await by.claim(token!);
    expect(await raw.keys(by.key('blob:*'))).toEqual([]);
    expect(Number(await stat('blobBytes'))).toBe(0);
    await by.cancel('f');
    await by.stop('b', 'cancel');
    await sound();
  });

  it('of items that wait are returned when their batch is canceled', async () => {
    await open([inlineItem(null, 'x')]);
    await by.stop('b', 'cancel');
    expect(await stat('blobBytes')).toBe('0');
    await sound();
  });
});

describe('a lane token whose batch or camera is gone', () => {
  it.each(['claimed', 'swept'] as const)('is worth nothing and leaves nothing when it is %s', async (how) => {
    const [ofBatch] = await open([urlItem(null)]);
    const [, , , ofCamera] = (await by.frame('f', 'gate')) as [string, number, number, string];
    await by.stop('b', 'erase');
    await by.cancel('f');
    await raw.del(by.key('camera:/gate'), by.key('lane:camera:/gate'));
    await raw.zrem(by.key('cameras'), '/gate');
    for (const token of [ofBatch!, ofCamera]) {
      if (how === 'claimed') expect(await by.claim(token)).toEqual({ job: null, queue: '', tokens: [] });
      else {
        await by.hurry(token);
        expect(await by.sweep()).toEqual([]);
      }
      expect(await raw.hexists(by.key('turns'), token)).toBe(0);
      expect(await raw.zscore(by.key('due'), token)).toBeNull();
      // One that does not exist at all.
      expect(await by.claim(token)).toEqual({ job: null, queue: '', tokens: [] });
    }
    expect(await raw.exists(by.key('batch:b'), by.key('camera:/gate'))).toBe(0);
  });

  it('of a canceled batch gives no item, though some still wait', async () => {
    const tokens = await open([urlItem(null), urlItem(null), urlItem(null)]);
    await by.stop('b', 'cancel', 1);
    expect((await by.claim(tokens[0]!)).job).toBeNull();
    expect(await raw.llen(by.key('lane:batch:b'))).toBe(2);
    expect(await by.cancelRemaining('b', 1)).toBe(true);
    expect(await by.cancelRemaining('b', 1)).toBe(false);
    await sound();
  });
});

describe('stopping a batch', () => {
  const calls = ['cancel', 'erase'] as const;

  it('is refused for one that does not exist and for another owner, and changes nothing', async () => {
    await by.create('b', { owner: 'ann', open: true });
    const before = await all();
    for (const how of calls) {
      for (const [id, owner] of [
        ['b', 'bob'],
        ['b', ''],
        ['nobody', 'ann'],
      ] as const)
        expect(await by.stop(id, how, 10, owner), `${how} ${id}`).toEqual({ exists: false, more: false });
    }
    expect(await all()).toEqual(before);
  });

  it.each([1, 10])('may be repeated, and erasing follow canceling, %i items at a time', async (chunk) => {
    await open([inlineItem('x'), inlineItem('y'), badItem('z')]);
    // It was closed long ago, and its names dropped.
    await by.close('b');
    const closedAt = '1';
    await raw.hset(by.key('batch:b'), 'closedAt', closedAt);
    await by.stop('b', 'cancel', chunk);
    expect(await by.stop('b', 'cancel', chunk)).toEqual({ exists: true, more: false });
    expect(await raw.hmget(by.key('batch:b'), 'state', 'closedAt', 'canceled')).toEqual(['canceled', closedAt, '2']);
    expect(await raw.exists(by.key('gone:b'))).toBe(0);
    await sound();
    expect(await by.stop('b', 'erase', chunk)).toEqual({ exists: true, more: false });
    expect(await raw.keys(by.key('*:b'))).toEqual([by.key('gone:b')]);
    expect(await by.stop('b', 'cancel', chunk)).toEqual({ exists: false, more: false });
    expect(await by.stop('b', 'erase', chunk)).toEqual({ exists: true, more: false });
    await sound();
  });

  it('that finds an erased batch still there says that it is gone, unless it erases', async () => {
    await open([urlItem('1'), urlItem('2'), urlItem('3'), urlItem('4')]);
    expect(await by.stop('b', 'cancel', 1)).toEqual({ exists: true, more: true });
    expect(await by.stop('b', 'erase', 1)).toEqual({ exists: true, more: true });
    expect(await by.stop('b', 'cancel', 1)).toEqual({ exists: false, more: false });
    expect(await raw.hget(by.key('batch:b'), 'erased')).toBe('1');
    expect((await by.append('b', [urlItem('5')])).answer).toBe('gone');
    expect(await by.close('b')).toBe(false);
    expect(await by.stop('b', 'erase', 1)).toEqual({ exists: true, more: true });
    expect(await by.stop('b', 'erase', 1)).toEqual({ exists: true, more: false });
    expect(await raw.keys(by.key('*:b'))).toEqual([by.key('gone:b')]);
    await sound();
  });

  it('appending to it and closing it are for its owner alone', async () => {
    await by.create('b', { owner: 'ann', open: true });
    await by.settle('b');
    const before = await all();
    for (const owner of ['bob', '']) {
      expect((await by.append('b', [urlItem('1')], 'fail', { owner })).answer).toBe('gone');
      expect(await by.close('b', owner)).toBe(false);
    }
    expect(await all()).toEqual(before);
    expect((await by.append('b', [urlItem('1')], 'fail', { owner: 'ann' })).answer).toBe('ok');
    expect(await by.close('b', 'ann')).toBe(true);
  });

  it('by erasing it is remembered for a while', async () => {
    await open([]);
    await by.stop('b', 'erase');
    expect(await raw.get(by.key('gone:b'))).toBe('');
    const left = await raw.pttl(by.key('gone:b'));
    expect(left).toBeGreaterThan(LONG - 60_000);
    expect(left).toBeLessThanOrEqual(LONG);
  });
});

describe('the webhook of a batch', () => {
  const lease = () => by.scripts.run(leaseScript, { max: 9, perHost: 9, leaseMs: LONG });
  const ended = async (id: string, owner = '') => {
    await by.create(id, { owner, webhookHost: 'a.example', open: true });
    await by.settle(id);
    await by.close(id, owner);
  };

  it('waits with the batch and is due when it ends', async () => {
    const webhook = () => raw.hmget(by.key('batch:b'), 'webhookStatus', 'webhookNextAt', 'finishedAt');
    await by.create('b', { webhookHost: 'a.example', open: true });
    await by.settle('b');
    expect(await webhook()).toEqual(['waiting', null, null]);
    expect(await lease()).toEqual([]);
    await by.close('b');
    const [status, nextAt, finishedAt] = await webhook();
    expect([status, nextAt]).toEqual(['pending', finishedAt]);
    expect(await lease()).toMatchObject([
      { attempt: 1, url: 'https://a.example/', subject: { kind: 'batch', batch: { id: 'b', status: 'finished' } } },
    ]);
  });

  it('takes 2048 bytes until it is delivered, once, also when the batch is canceled with items at work', async () => {
    await by.create('b', { webhookHost: 'a.example', open: true });
    const { tokens } = await by.append('b', [urlItem(null), urlItem(null)]);
    await by.settle('b');
    await by.claim(tokens[0]!);
    await by.stop('b', 'cancel');
    const bytes = () => raw.hmget(by.key('stats'), 'deliveryBytes', 'deliveryBytes:a.example');
    expect(await bytes()).toEqual(['2048', '2048']);
    expect(await lease()).toMatchObject([{ subject: { batch: { status: 'canceled', counts: { canceled: 2 } } } }]);
    const attemptJson = { at: 1, status: 200, error: null, ms: 1 };
    const report = { id: 'b', attempt: 1, status: 'delivered', attemptJson, nextInMs: 0, logLength: 10 };
    expect(await by.scripts.run(reportScript, report)).toBe(true);
    expect(await by.scripts.run(reportScript, report)).toBe(true);
    // Nothing is kept of a receiver to which nothing is to be delivered.
    expect(await bytes()).toEqual(['0', null]);
    expect(await raw.hget(by.key('batch:b'), 'webhookStatus')).toBe('delivered');
    await sound();
  });

  it.each(['kept', 'forgotten'] as const)('is dropped when its owner erases the batch: %s', async (record) => {
    await ended('b', 'ann');
    await ended('other', 'ann');
    if (record === 'forgotten') {
      await raw.hset(by.key('batch:b'), 'expiresAt', 1);
      await by.hurry('batch-b');
      await by.sweep();
      expect(await raw.exists(by.key('batch:b'), by.key('delivery:b'))).toBe(1);
      // Nobody can cancel what has ended and is gone.
      expect(await by.stop('b', 'cancel', 9, 'ann')).toEqual({ exists: false, more: false });
    }
    expect(await by.stop('b', 'erase', 9, 'bob')).toEqual({ exists: false, more: false });
    expect(await raw.exists(by.key('delivery:b'))).toBe(1);
    expect(await by.stop('b', 'erase', 9, 'ann')).toEqual({ exists: true, more: false });
    expect(await raw.keys(by.key('*:b'))).toEqual([by.key('gone:b')]);
    expect(await raw.get(by.key('gone:b'))).toBe('ann');
    expect(await raw.pttl(by.key('gone:b'))).toBeGreaterThan(LONG - 60_000);
    expect((await lease()).map(({ subject }) => subject)).toMatchObject([{ batch: { id: 'other' } }]);
    await sound();
  });
});
