/** What a submission writes, and how it is taken back, canceled and erased. By scripts alone. */
import { audit } from '@facequeue/audit';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { itemResultFrom } from '../batch/record.ts';
import { frameResultFrom } from '../camera/record.ts';
import type { StreamEntry } from '../redis/stream-page.ts';
import { dump } from '../testing/dump.ts';
import { IMAGE, LONG, ROOMY } from '../testing/rig.ts';
import { by, raw, useScripts } from '../testing/scripts-on-redis.ts';
import type { JobRecord } from './job.ts';
import { cancelScript } from './jobs.ts';
import { recordFrom } from './record.ts';

useScripts();

const all = () => dump(raw, by.prefix);
const read = async (id: string): Promise<JobRecord> => recordFrom(id, await raw.hgetallBuffer(by.key(`job:${id}`)))!;
async function sound(): Promise<void> {
  expect((await audit(raw, by.prefix)).findings).toEqual([]);
}

const webhook = { webhookUrl: 'https://a.example/x', webhookHost: 'a.example' };
const keyed = { idempotencyKey: 'key', fingerprint: 'print' };

describe('a submission', () => {
  it('writes the record that a worker and a caller read', async () => {
    const reply = await by.submit('j', { queue: 'interactive', source: 'https://b.example/i.png', ...webhook });
    const record = await read('j');
    expect(reply).toEqual(['ok', record.createdAt, record.createdAt + LONG, 'j']);
    expect(record).toEqual({
      id: 'j',
      status: 'queued',
      queue: 'interactive',
      source: { kind: 'url', url: 'https://b.example/i.png' },
      options: {},
      requestId: 'r',
      owner: 'o',
      createdAt: record.createdAt,
      startedAt: null,
      finishedAt: null,
      expiresAt: record.createdAt + LONG,
      attempts: 0,
      image: null,
      timings: {},
      error: null,
      result: null,
      webhook: { url: webhook.webhookUrl, status: 'waiting', attempts: [], nextAt: null },
      frame: null,
    });
  });

  it('keeps the options that older releases do not know apart, and a worker gets all of them', async () => {
    const options = { ...DEFAULT_DETECTION_OPTIONS, landmarks: 'refined' } as const;
    await by.submit('j', { options });
    await by.submit('plain', { options: DEFAULT_DETECTION_OPTIONS });
    await by.create('b', { options });
    const { tokens } = await by.append('b', [
      { name: 'i', line: null, content: { kind: 'inline', bytes: Buffer.from('img') } },
    ]);
    const frame = await by.postFrame('f', 'gate', { options });
    const claimed = await Promise.all(['j', tokens[0]!, String(frame.at(-1)), 'plain'].map((id) => by.claim(id)));
    expect(claimed.map(({ job }) => job!.options.landmarks)).toEqual(['refined', 'refined', 'refined', true]);
    expect((await read('j')).options).toEqual(options);
    for (const key of ['job:j', 'batch:b', 'job:f']) {
      expect(JSON.parse((await raw.hget(by.key(key), 'options'))!), key).toEqual(DEFAULT_DETECTION_OPTIONS);
      expect(await raw.hget(by.key(key), 'moreOptions'), key).toBe('{"landmarks":"refined"}');
    }
    expect(await raw.hexists(by.key('job:plain'), 'moreOptions')).toBe(0);
  });

  it('without a key reserves none, and without a webhook has none', async () => {
    await by.submit('j');
    const fields = await raw.hkeys(by.key('job:j'));
    expect(fields.filter((field) => /idempotency|unshared|webhook/.test(field))).toEqual([]);
    expect(await raw.keys(by.key('idem:*'))).toEqual([]);
  });

  it('with a key returns the job that has it, is refused with another fingerprint, and writes neither time', async () => {
    const [, createdAt, expiresAt] = await by.submit('j', keyed);
    await by.submit('j2', keyed);
    const before = await all();
    expect(await by.submit('k', keyed)).toEqual(['replayed', 'j', createdAt, expiresAt]);
    expect(await by.submit('k', { ...keyed, fingerprint: 'other' })).toEqual(['conflict']);
    expect(await by.submit('j')).toEqual(['exists']);
    expect(await all()).toEqual(before);
    expect((await by.submit('k', { ...keyed, idempotencyKey: 'another' }))[0]).toBe('ok');
    await sound();
  });

  it('gets a key whose job has ended and is out of time, and erases that job', async () => {
    await by.submit('j', keyed);
    await by.cancel('j');
    expect((await by.submit('k', keyed)).slice(0, 2)).toEqual(['replayed', 'j']);
    await raw.hset(by.key('job:j'), 'expiresAt', 1);
    expect((await by.submit('k', keyed))[0]).toBe('ok');
    expect(await raw.exists(by.key('job:j'))).toBe(0);
    // A live job keeps its key, whatever its deadline.
    await raw.hset(by.key('job:k'), 'expiresAt', 1);
    expect((await by.submit('l', keyed)).slice(0, 2)).toEqual(['replayed', 'k']);
    await sound();
  });
});

describe('a submission that is taken back', () => {
  it('leaves nothing: record, image, key and place', async () => {
    await by.submit('other', { blob: Buffer.alloc(0) });
    const before = await all();
    await by.submit('j', { ...keyed, ...webhook });
    expect(await by.abort('j')).toBe(true);
    expect(await all()).toEqual({
      ...before,
      [by.key('stats')]: Object.fromEntries([
        ['alone:bulk', 'o'],
        ['blobBytes', '0'],
        ['erasures', '1'],
      ]),
    });
    expect(await by.abort('j')).toBe(true);
    await sound();
  });

  it('stays once another call was given its job, or a worker has claimed it', async () => {
    await by.submit('shared', keyed);
    await by.submit('again', keyed);
    await by.submit('claimed');
    await by.claim('claimed');
    await by.submit('running');
    await by.claim('running');
    await by.start('running', 1);
    await by.submit('ended');
    await by.cancel('ended');
    const before = await all();
    for (const id of ['shared', 'claimed', 'running', 'ended']) expect(await by.abort(id), id).toBe(false);
    expect(await all()).toEqual(before);
  });
});

describe('canceling a job', () => {
  const cancel = (id: string, onlyQueued: boolean) => by.scripts.run(cancelScript, { id, onlyQueued });

  it('ends it once, and only while it is queued where that is asked for', async () => {
    expect(await cancel('nobody', false)).toEqual({ exists: false, ended: false });
    await by.submit('j');
    await by.claim('j');
    await by.start('j', 1);
    expect(await cancel('j', true)).toEqual({ exists: true, ended: false });
    expect(await read('j')).toMatchObject({ status: 'processing' });
    expect(await cancel('j', false)).toEqual({ exists: true, ended: true });
    const error = { code: 'canceled', detail: 'the job was canceled' };
    expect(await read('j')).toMatchObject({ status: 'canceled', error, result: null });
    for (const onlyQueued of [false, true])
      expect(await cancel('j', onlyQueued)).toEqual({ exists: true, ended: false });
    await by.submit('k');
    await by.claim('k');
    expect(await cancel('k', true)).toEqual({ exists: true, ended: true });
    await sound();
  });
});

describe('erasing a job', () => {
  it('tells its webhook from that of another, and keeps its owner in mind for a while', async () => {
    for (const id of ['j', 'k', 'plain']) {
      await by.submit(id, id === 'plain' ? {} : webhook);
      await by.cancel(id);
    }
    const before = await all();
    expect(await by.erase('j', 'bob')).toBe(false);
    expect(await by.erase('nobody', 'o')).toBe(false);
    expect(await all()).toEqual(before);
    expect(await by.erase('plain', 'o')).toBe(true);
    expect(await by.erase('j', 'o')).toBe(true);
    expect(await raw.keys(by.key('*:j'))).toEqual([by.key('gone:j')]);
    expect(await raw.zrange(by.key('pending:a.example'), 0, '-1')).toEqual(['k']);
    const left = await raw.pttl(by.key('gone:j'));
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);
    expect([await by.erase('j', 'o'), await by.erase('j', 'bob')]).toEqual([true, false]);
    await sound();
  });
});

describe('finishing a job', () => {
  it('records what the worker found out, of a failure too, and nothing of the claim remains', async () => {
    for (const [id, status, error, result] of [
      ['a', 'succeeded', null, Buffer.from('res')],
      ['b', 'failed', { code: 'x', detail: 'y' }, null],
    ] as const) {
      await by.submit(id);
      await by.claim(id);
      await by.start(id, 1);
      expect(await by.finish(id, 1, status, 'res')).toBe(true);
      const record = await read(id);
      expect(record).toMatchObject({ status, error, image: IMAGE, result, attempts: 1 });
      expect(record.startedAt).toBeGreaterThanOrEqual(record.createdAt);
      expect(record.finishedAt).toBeGreaterThanOrEqual(record.startedAt!);
      expect(await raw.hmget(by.key(`job:${id}`), 'claim', 'lock', 'endedBy')).toEqual(['', '', '1']);
      expect(await raw.exists(by.key(`blob:${id}`))).toBe(0);
      // A repeat is confirmed, that of another attempt is not.
      expect([await by.finish(id, 1, status), await by.finish(id, 2, status)]).toEqual([true, false]);
    }
    expect(await by.finish('nobody', 1)).toBe(false);
    expect(await by.release('nobody', 1)).toBe(false);
    expect(await by.start('nobody', 1)).toBe(false);
    await sound();
  });

  it('keeps the details of a result beside it: of a job and its webhook, of an item and of a frame', async () => {
    await by.submit('j', webhook);
    await by.claim('j');
    await by.finish('j', 1, 'succeeded', 'res', 'details');
    expect(await read('j')).toMatchObject({ result: Buffer.from('res'), details: Buffer.from('details') });
    expect(await raw.hmget(by.key('delivery:j'), 'result', 'details', 'charge')).toEqual(['res', 'details', '2058']);
    expect(await raw.hget(by.key('job:j'), 'resultBytes')).toBe('10');
    await sound();

    await by.create('b');
    const { tokens } = await by.append('b', [
      { name: 'i', line: null, content: { kind: 'inline', bytes: Buffer.from('img') } },
    ]);
    await by.settle('b');
    const frame = await by.postFrame('f', 'gate');
    for (const [token, details] of [
      [tokens[0]!, 'of the item'],
      [String(frame.at(-1)), null],
    ] as const) {
      const { job } = await by.claim(token);
      await by.finish(job!.id, 1, 'succeeded', 'res', details);
    }
    const [entry] = await raw.xrangeBuffer(by.key('results:b'), '-', '+');
    expect(itemResultFrom(entry as StreamEntry)).toMatchObject({
      result: Buffer.from('res'),
      details: Buffer.from('of the item'),
    });
    const [plain] = await raw.xrangeBuffer(by.key('frames:/gate'), '-', '+');
    expect(frameResultFrom(plain as StreamEntry)).not.toHaveProperty('details');
    const next = await by.postFrame('g', 'gate');
    const { job } = await by.claim(String(next.at(-1)));
    await by.finish(job!.id, 1, 'succeeded', 'res', 'of the frame');
    const detailed = (await raw.xrangeBuffer(by.key('frames:/gate'), '-', '+')).at(-1);
    expect(frameResultFrom(detailed as StreamEntry).details).toEqual(Buffer.from('of the frame'));
    await sound();
  });

  it('has the webhook due with its record, for which it pays', async () => {
    await by.submit('j', webhook);
    await by.claim('j');
    await by.finish('j', 1, 'succeeded', 'res');
    const [finishedAt, status, nextAt] = await raw.hmget(
      by.key('job:j'),
      'finishedAt',
      'webhookStatus',
      'webhookNextAt',
    );
    expect([status, nextAt]).toEqual(['pending', finishedAt]);
    expect(await raw.hmget(by.key('delivery:j'), 'result', 'webhookTries', 'charge')).toEqual(['res', '0', '2051']);
    expect(await raw.hmget(by.key('stats'), 'resultBytes', 'deliveryBytes', 'deliveryBytes:a.example')).toEqual([
      '2054',
      '2051',
      '2051',
    ]);
  });
});

describe('a job whose limits are checked', () => {
  it('is refused without a trace, whatever it asks for', async () => {
    await by.submit('j');
    const before = await all();
    const full = { ...ROOMY, maxWaiting: 1 };
    expect((await by.submit('k', { ...keyed, ...webhook, limits: full })).slice(0, 2)).toEqual(['full', 'waiting']);
    expect(await all()).toEqual(before);
  });
});
