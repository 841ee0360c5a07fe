import { audit } from '@facequeue/audit';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import type { AdmissionLimits } from '../limits/admission.ts';
import { batch, items } from '../testing/batches.ts';
import { dump } from '../testing/dump.ts';
import { IMAGE, job, Rig, ROOMY } from '../testing/rig.ts';
import { badItem, inlineItem, urlItem } from '../testing/script-harness.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';

useScripts();

const limits = (more: Partial<AdmissionLimits>): AdmissionLimits => ({ ...ROOMY, ...more });

const urls = (count: number) => Array.from({ length: count }, () => urlItem(null));

/** Milliseconds between two ends of bulk jobs, as they were measured. */
const drainsEvery = (ms: number) => raw.hset(by.key('stats'), 'drain:bulk', `9 ${Date.now()} 64 ${ms}`);

const all = () => dump(raw, by.prefix);

async function sound(): Promise<void> {
  expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
}

describe('an append', () => {
  it('is refused as a whole when one item is too many, and accepted when it is not', async () => {
    await by.create('b', { open: true });
    await by.append('b', [...urls(5), badItem('bad')], 'skip', { limits: limits({ maxWaiting: 12 }) });
    const before = await all();
    const given = [urlItem('1'), inlineItem('2'), badItem('3'), urlItem('4'), inlineItem('5')];
    expect(await by.append('b', given, 'skip', { limits: limits({ maxWaiting: 12 }) })).toMatchObject({
      answer: 'full',
      reason: 'waiting',
    });
    expect(await all()).toEqual(before);
    const { counts } = await by.append('b', given.slice(0, 4), 'skip', { limits: limits({ maxWaiting: 12 }) });
    expect(counts).toEqual([3, 0, 1]);
    await sound();
  });

  it('is refused with the time when there will be room for all of it', async () => {
    const few = { limits: limits({ maxWaiting: 100 }) };
    await by.create('b', { open: true });
    await by.append('b', urls(70), 'skip', few);
    await drainsEvery(200);
    // 30 are 20 too many of 80: 4 s.
    expect(await by.append('b', urls(30), 'skip', few)).toMatchObject({ answer: 'full', retryAfterMs: 4000 });
    // A tenth of 70 is more than one.
    expect(await by.append('b', urls(11), 'skip', few)).toMatchObject({ answer: 'full', retryAfterMs: 1400 });
    await drainsEvery(1);
    expect(await by.append('b', urls(30), 'skip', few)).toMatchObject({ answer: 'full', retryAfterMs: 1000 });
  });

  it('counts the bytes of all its images together', async () => {
    const few = { limits: limits({ maxBlobBytes: 100 }) };
    await by.create('b', { open: true });
    const image = inlineItem(null, 'x'.repeat(30));
    const before = await all();
    expect(await by.append('b', [image, image, image], 'skip', few)).toMatchObject({
      answer: 'full',
      reason: 'blob_bytes',
    });
    expect(await all()).toEqual(before);
    expect((await by.append('b', [image, image], 'skip', few)).answer).toBe('ok');
    expect((await by.append('b', [image], 'skip', few)).answer).toBe('full');
    // A repeat brings nothing that is new.
    await by.append('b', [inlineItem('named', 'y'.repeat(10))], 'skip', few);
    expect((await by.append('b', [inlineItem('named', 'y'.repeat(10))], 'skip', few)).counts).toEqual([0, 1, 0]);
    await sound();
  });

  it.each<[string, Partial<AdmissionLimits>]>([
    ['jobs waiting', { maxWaiting: 5 }],
    ['image bytes', { maxBlobBytes: 12 }],
    ['result bytes', { maxResultBytes: 2048 }],
  ])('repeated is confirmed though the limit of %s refuses any other', async (_, few) => {
    const full = { limits: limits(few) };
    await by.create('b', { open: true });
    const given = [inlineItem('1', 'abc'), inlineItem('2', 'abc'), urlItem('3'), badItem('4')];
    expect((await by.append('b', given, 'skip')).counts).toEqual([3, 0, 1]);
    // Interactive jobs take what bulk jobs leave.
    for (const id of ['i1', 'i2']) await by.submit(id, { queue: 'interactive' });
    const before = await all();
    expect((await by.append('b', [inlineItem('5', 'abc')], 'skip', full)).answer).toBe('full');
    expect((await by.append('b', [...given, inlineItem('5', 'abc')], 'skip', full)).answer).toBe('full');
    expect(await all()).toEqual(before);
    expect((await by.append('b', given, 'skip', full)).counts).toEqual([0, 4, 0]);
    expect(await by.create('b', full)).toBe('exists');
    await sound();
  });

  it('is refused while too many results are kept, and accepted when they are erased', async () => {
    const few = limits({ maxResultBytes: 10_000 });
    await by.create('a', { limits: few });
    await by.append(
      'a',
      Array.from({ length: 60 }, (_, i) => badItem(`n${i}`)),
      'skip',
      { limits: few },
    );
    await by.settle('a');
    expect(await by.create('b', { limits: few })).toBe('full');
    await by.create('b', { open: true });
    const full = { answer: 'full', reason: 'result_bytes', retryAfterMs: 30_000 };
    expect(await by.append('b', urls(1), 'skip', { limits: few })).toMatchObject(full);
    await by.stop('a', 'erase');
    expect((await by.append('b', urls(1), 'skip', { limits: few })).answer).toBe('ok');
    await sound();
  });
});

describe('a batch', () => {
  const bytes = async () => {
    const [own, all] = [
      await raw.hget(by.key('batch:b'), 'resultBytes'),
      await raw.hget(by.key('stats'), 'resultBytes'),
    ];
    expect(own ?? '0').toBe(all);
    return Number(own);
  };

  it('is charged for itself, its names until it closes, and its results until it is erased', async () => {
    await by.create('b', { open: true });
    const itself = await bytes();
    expect(itself).toBe(2048 + JSON.stringify(DEFAULT_DETECTION_OPTIONS).length);
    await by.append('b', [inlineItem('four'), urlItem('sixsix'), urlItem(null)]);
    const names = 64 + 4 + 64 + 6;
    expect(await bytes()).toBe(itself + names);
    const [token] = await by.tokensOf('batch:b');
    const { id } = (await by.claim(token!)).job!;
    await by.finish(id, 1, 'succeeded', 'x'.repeat(1000));
    // Name, id, attempt, timings, image and result.
    const result = 128 + 4 + id.length + 1 + 2 + JSON.stringify(IMAGE).length + 1000;
    expect(await bytes()).toBe(itself + names + result);
    await by.settle('b');
    await by.close('b');
    expect(await bytes()).toBe(itself + result);
    await by.stop('b', 'cancel');
    // Two canceled items: name, id, attempt, code, text.
    const canceled = (name: string) =>
      128 + name.length + id.length + 1 + 'canceled'.length + 'the batch was canceled'.length;
    expect(await bytes()).toBe(itself + result + canceled('sixsix') + canceled('#3'));
    await by.stop('b', 'erase');
    expect(await bytes()).toBe(0);
    await sound();
  });
});

describe('a new batch', () => {
  it('is admitted where one more job without an image is', async () => {
    await by.create('a', { open: true });
    await by.append('a', [urlItem(null), urlItem(null), inlineItem(null, 'abcd')]);
    const webhook = { webhookHost: 'a.example' };
    expect(await by.create('b', { flow: 'another', limits: limits({ maxWaiting: 4 }) })).toBe('full');
    expect(await by.create('b', { flow: 'another', limits: limits({ maxWaiting: 5 }) })).toBe('ok');
    expect(await by.create('c', { limits: limits({ maxBlobBytes: 4 }) })).toBe('full');
    expect(await by.create('c', { limits: limits({ maxBlobBytes: 5 }) })).toBe('ok');
    // An eighth of 80 % for one receiver.
    await raw.hset(by.key('stats'), 'deliveryBytes:a.example', 10_000, 'deliveryBytes', 10_000);
    expect(await by.create('d', { ...webhook, limits: limits({ maxResultBytes: 100_000 }) })).toBe('full');
    expect(await by.create('d', { ...webhook, limits: limits({ maxResultBytes: 100_010 }) })).toBe('ok');
    expect(await by.create('e', { limits: limits({ maxResultBytes: 100_000 }) })).toBe('ok');
  });

  it('is admitted whatever the age of other jobs', async () => {
    await by.submit('old');
    await raw.zadd(by.key('lane:jobs:bulk:o'), 1, 'old');
    expect(await by.create('b', { flow: 'o', limits: limits({ maxOldestMs: 1000 }) })).toBe('ok');
  });

  it('is charged for what its caller sends, and nothing of one that is refused or exists is written', async () => {
    const charged = async (id: string) => Number(await raw.hget(by.key(`batch:${id}`), 'resultBytes'));
    await by.create('plain');
    await by.create('b', { listing: true, output: true, webhookHost: 'a.example' });
    const [listing, output, webhook] = await raw.hmget(by.key('batch:b'), 'listing', 'output', 'webhookUrl');
    expect(await charged('b')).toBe((await charged('plain')) + `${listing}${output}${webhook}`.length);
    const before = await all();
    expect(await by.create('c', { limits: limits({ maxWaiting: 0 }) })).toBe('full');
    expect(await by.create('b', { open: true })).toBe('exists');
    expect(await all()).toEqual(before);
    await sound();
  });
});

describe('empty batches', () => {
  it('count in admission until they are erased', async () => {
    const few = limits({ maxResultBytes: 50_000 });
    let made = 0;
    while ((await by.create(`b${made}`, { open: true, limits: few })) === 'ok') made++;
    expect(made).toBeGreaterThan(10);
    expect(made).toBeLessThan(25);
    for (let i = 0; i < made; i++) await by.stop(`b${i}`, 'erase');
    expect(await by.create('again', { limits: few })).toBe('ok');
    await sound();
  });
});

describe('items that wait', () => {
  it('leave interactive jobs the last fifth of the queue', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway({ limits: { ...ROOMY, maxWaiting: 20 } });
    const { id } = batch();
    await queue.batches.create(batch({ id, open: true }));
    await queue.batches.append(id, '', items(14), 'skip');
    // One flow leaves an eighth: others take that.
    for (const flow of ['a', 'b']) await queue.submit(job({ queue: 'bulk', flow }));
    const refused = { code: 'queue_full', message: 'too many jobs are waiting', retryAfterMs: expect.any(Number) };
    await expect(queue.batches.append(id, '', items(1, 14), 'skip')).rejects.toMatchObject(refused);
    await expect(queue.batches.create(batch())).rejects.toMatchObject(refused);
    await expect(queue.submit(job({ queue: 'bulk' }))).rejects.toMatchObject(refused);
    for (let i = 0; i < 4; i++) await queue.submit(job({ flow: `interactive ${i}` }));
    await expect(queue.submit(job())).rejects.toMatchObject(refused);
    expect((await audit(redis.url, rig.prefix)).findings).toEqual([]);
  });

  it('are admitted whatever the age of other jobs, and other jobs whatever theirs', async () => {
    const impatient = limits({ maxOldestMs: 1000 });
    const noBytes = { source: 'https://a.example/', blob: Buffer.alloc(0) };
    const single = (id: string) => by.submit(id, { ...noBytes, limits: impatient });
    await by.create('b', { open: true });
    const { tokens } = await by.append('b', urls(3), 'skip', { limits: impatient });
    // They were appended long ago; a worker has claimed one of them.
    const lane = by.key('lane:batch:b');
    for (const text of await raw.lrange(lane, 0, -1)) {
      await raw.lpop(lane);
      await raw.rpush(lane, JSON.stringify({ ...JSON.parse(text), t: 1 }));
    }
    await by.claim(tokens[0]!);
    expect(await single('one')).toMatchObject(['ok', expect.any(Number), expect.any(Number), expect.any(String)]);
    await raw.zadd(by.key('lane:jobs:bulk:o'), 1, 'one');
    expect(await single('two')).toMatchObject(['full', 'oldest', 30_000]);
    expect((await by.append('b', urls(1), 'skip', { limits: impatient })).answer).toBe('ok');
  });
});
