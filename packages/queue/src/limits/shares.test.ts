/** How much of what may wait a flow may have, while others wait and while none does. */
import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROOMY } from '../testing/rig.ts';
import { inlineItem, ScriptHarness, urlItem } from '../testing/script-harness.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';
import { snapshotScript } from './snapshot.ts';

useScripts();

const limits = (maxWaiting: number) => ({ ...ROOMY, maxWaiting });
const NO_BYTES = Buffer.alloc(0);
type More = Parameters<ScriptHarness['submit']>[1];

/** @returns 'ok' or the reason of the refusal */
async function submit(flow: string, maxWaiting: number, more: More = {}): Promise<string> {
  const [answer, reason] = await by.submit(`${flow}-${randomUUID()}`, {
    queue: 'interactive',
    owner: flow,
    blob: NO_BYTES,
    limits: limits(maxWaiting),
    ...more,
  });
  return String(answer === 'ok' ? answer : reason);
}

/** Submits until one is refused. @returns how many were not, and the reason */
async function fill(flow: string, maxWaiting: number, more: More = {}): Promise<[number, string]> {
  for (let count = 0; ; count++) {
    const answer = await submit(flow, maxWaiting, more);
    if (answer !== 'ok') return [count, answer];
  }
}

/** Ends jobs of the flow that wait. */
async function drain(flow: string, count: number): Promise<void> {
  for (const id of await raw.zrange(by.key(`lane:jobs:interactive:${flow}`), 0, String(count - 1))) await by.cancel(id);
}

async function end(delivery: string): Promise<void> {
  const { job } = await by.claim(delivery);
  expect(await by.finish(job!.id, job!.attempt)).toBe(true);
}

/** Makes workers look as if one of 0.1.0 ran, or none. */
async function anotherRelease(runs: boolean): Promise<void> {
  if (runs) await raw.hset(by.key('workers'), 'old', `${Date.now()} {}`);
  else await raw.hdel(by.key('workers'), 'old');
  await by.sweep();
}

const sound = async () => expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
const weight = (flow: string, value: number) => raw.hset(by.key('weights'), flow, value);
const snapshot = (maxWaiting: number) => by.scripts.run(snapshotScript, { limits: limits(maxWaiting) });

describe('a flow that is alone', () => {
  it('gets seven eighths of what may wait, then hears that the queue is full', async () => {
    expect(await fill('a', 80)).toEqual([70, 'waiting']);
  });

  it('leaves the eighth to others, and then hears that it has its share', async () => {
    await fill('a', 80);
    expect(await submit('b', 80)).toBe('ok');
    expect(await submit('a', 80)).toBe('share_pending');
  });

  it('may try again when a tenth of its jobs has ended', async () => {
    await raw.hset(by.key('stats'), 'drain:interactive', '0 0 1 400.000');
    await fill('a', 80);
    const refused = await by.submit('late', { owner: 'a', queue: 'interactive', limits: limits(80) });
    expect(refused).toEqual(['full', 'waiting', 2800]);
  });

  it('gets as much with a small weight', async () => {
    await weight('a', 0.1);
    expect(await fill('a', 80)).toEqual([70, 'waiting']);
  });

  it('gets as much after another that waits no longer', async () => {
    await weight('a', 0.1);
    await by.submit('of-b', { owner: 'b', queue: 'interactive' });
    await by.claim('of-b');
    await by.start('of-b', 1);
    expect(await fill('a', 100, { queue: 'bulk' })).toEqual([70, 'waiting']);
  });

  it('gets its first job in though that fills the queue', async () => {
    expect(await fill('a', 1)).toEqual([1, 'waiting']);
  });

  it('has its share of a queue that may use four fifths of it', async () => {
    expect(await fill('a', 100, { queue: 'bulk' })).toEqual([70, 'waiting']);
    expect(await submit('b', 100, { queue: 'bulk' })).toBe('ok');
    // What the other queues leave is more.
    expect(await submit('a', 100)).toBe('ok');
  });

  it('is the only one that a snapshot says is refused', async () => {
    await fill('a', 80);
    const refused = { reason: 'waiting', flow: 'a' };
    expect((await snapshot(80)).full).toMatchObject({ interactive: refused, bulk: { flow: null } });
    await submit('b', 80);
    expect((await snapshot(80)).full.interactive).toBeNull();
    expect((await snapshot(71)).full.interactive).toMatchObject({ reason: 'waiting', flow: null });
    await anotherRelease(true);
    expect((await snapshot(80)).full.interactive).toBeNull();
  });
});

describe('several flows', () => {
  it('end with equal parts while the first one drains', async () => {
    await fill('a', 150);
    for (let round = 0; round < 100; round++) {
      for (const flow of ['a', 'b']) await drain(flow, 1);
      for (const flow of ['b', 'a', 'b', 'a']) await submit(flow, 150);
    }
    const count = (flow: string) => raw.zcard(by.key(`lane:jobs:interactive:${flow}`));
    // Seven fifteenths each.
    for (const flow of ['a', 'b']) expect(Math.abs((await count(flow)) - 70)).toBeLessThanOrEqual(5);
    await sound();
  });

  it('have parts in the ratio of their weights', async () => {
    await weight('heavy', 2);
    await weight('light', 0.5);
    const flows = ['light', 'plain', 'heavy'];
    for (let round = 0; round < 80; round++) {
      for (const flow of flows) await drain(flow, 1);
      for (let i = 0; i < 4; i++) for (const flow of flows) await submit(flow, 255);
    }
    const counts: number[] = [];
    for (const flow of flows) counts.push(await raw.zcard(by.key(`lane:jobs:interactive:${flow}`)));
    // 3.5, 7 and 14 times what is free: 10.
    for (const [i, share] of [35, 70, 140].entries()) expect(Math.abs(counts[i]! - share)).toBeLessThanOrEqual(10);
  });

  it('get their first jobs in as long as there is room for one', async () => {
    await fill('a', 20);
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await submit(`new ${i}`, 20));
    expect(answers).toEqual(['ok', 'ok', 'ok', 'waiting']);
  });

  it('have a share of single jobs, items and frames together, of what workers have not claimed', async () => {
    await by.create('b', { open: true, flow: 'a' });
    const few = { limits: limits(100) };
    const append = async (count: number) => {
      const items = Array.from({ length: count }, () => urlItem(null));
      const { answer, reason, tokens } = await by.append('b', items, 'fail', few);
      return answer === 'ok' ? tokens : reason;
    };
    const post = async (id: string) => {
      const [answer, reason] = await by.frame(id, `gate-${id}`, { flow: 'a', ...few });
      return answer === 'ok' ? answer : reason;
    };
    const tokens = await append(30);
    for (let i = 0; i < 20; i++) expect(await post(`f${i}`)).toBe('ok');
    for (let i = 0; i < 20; i++) expect(await submit('a', 100, { queue: 'bulk' })).toBe('ok');
    expect(await submit('b', 100, { queue: 'bulk' })).toBe('ok');
    const refused = 'share_pending';
    expect([await append(1), await post('more'), await submit('a', 100, { queue: 'bulk' })]).toEqual([
      refused,
      refused,
      refused,
    ]);
    expect(await by.create('c', { flow: 'a', ...few })).toBe('full');
    expect(await by.create('c', { flow: 'b', ...few })).toBe('ok');
    // An item in process is no longer the flow's, one that ended is nobody's.
    for (const token of tokens as string[]) {
      const { job } = await by.claim(token);
      await by.start(job!.id, 1);
    }
    expect([await append(1), await post('more'), await submit('a', 100, { queue: 'bulk' })]).toEqual([
      expect.any(Array),
      'ok',
      'ok',
    ]);
    await sound();
  });

  it('append no more at once than their share, except a single item', async () => {
    await by.create('b', { open: true, flow: 'a' });
    const append = async (count: number) =>
      (
        await by.append(
          'b',
          Array.from({ length: count }, () => urlItem(null)),
          'fail',
          { limits: limits(10) },
        )
      ).answer;
    expect([await append(8), await append(7), await append(1)]).toEqual(['full', 'ok', 'full']);
  });

  it('may replace a frame of a camera though they have their share', async () => {
    const few = { limits: limits(100) };
    for (let i = 0; i < 70; i++) expect((await by.frame(`f${i}`, `gate-${i}`, { flow: 'a', ...few }))[0]).toBe('ok');
    await submit('b', 100, { queue: 'bulk' });
    expect((await by.frame('other', 'other', { flow: 'a', ...few })).slice(0, 2)).toEqual(['full', 'share_pending']);
    expect((await by.frame('newer', 'gate-3', { flow: 'a', ...few }))[0]).toBe('ok');
  });
});

describe('a flow with more lanes than are counted each time', () => {
  const LANES = 120;
  const few = { flow: 'a', limits: limits(1000) };
  const post = async (id: string, camera = id) => {
    const [answer, reason] = await by.frame(id, camera, { ...few, keep: 'all' });
    return answer === 'ok' ? answer : reason;
  };
  /** Frames on so many cameras, then on one of them until one is refused. */
  async function fillCameras(): Promise<void> {
    await submit('b', 1000);
    for (let i = 0; i < LANES; i++) expect(await post(`f${i}`)).toBe('ok');
    for (let c = 0; c < 7; c++) for (let i = 0; i < 96; i++) await post(`more ${c} ${i}`, `f${c}`);
  }

  it('has the same share', async () => {
    await fillCameras();
    expect(await post('late')).toBe('share_pending');
    // Of 800, less that of the other.
    expect(await raw.zcard(by.key('waiting:cameras'))).toBe(699);
  });

  it('is counted a quarter of a second ago at most, with what it has submitted since', async () => {
    await fillCameras();
    const key = by.key('flow-entries:a');
    const counted = async () => {
      await raw.del(key);
      expect(await post(randomUUID())).toBe('share_pending');
      return [await raw.pttl(key), await raw.get(key)] as const;
    };
    // Gone already, if this machine has stood still.
    await expect.poll(async () => (await counted())[1], { timeout: 5000 }).toBe('699');
    expect((await counted())[0]).toBeLessThanOrEqual(250);
    await raw.set(key, 5, 'PX', 60_000);
    expect(await post('more')).toBe('ok');
    expect(await raw.get(key)).toBe('6');
    expect(await submit('a', 790)).toBe('ok');
    expect(await raw.get(key)).toBe('6');
  });

  it('has one entry in each beyond the first 4 000, whatever is in them', async () => {
    // These have none, which cannot be: so that only the others count.
    const lanes = Array.from({ length: 4003 }, (_, i) => [i, `camera:/${i}`]).flat();
    await raw.zadd(by.key('lanes:cameras:a'), ...lanes);
    expect(await submit('a', 1000, { maxPending: 3 })).toBe('own_pending');
    expect(await submit('a', 1000, { maxPending: 4 })).toBe('ok');
  });

  it('gets more in at most a moment after its frames have been claimed', async () => {
    await fillCameras();
    expect(await post('late')).toBe('share_pending');
    for (const token of await by.tokensOf('camera:/f0')) {
      const { job } = await by.claim(token);
      await by.start(job!.id, 1);
    }
    await expect.poll(() => post(randomUUID(), 'f7'), { timeout: 5000, interval: 20 }).toBe('ok');
  });
});

describe('the bytes of images that wait', () => {
  const image = (bytes: number) => ({ blob: Buffer.alloc(bytes), limits: { ...ROOMY, maxBlobBytes: 800 } });
  const bytesOf = async () => raw.hgetall(by.key('flow-bytes'));

  it('are for one flow up to seven eighths, and for others what is left', async () => {
    expect(await fill('a', 0, image(100))).toEqual([7, 'blob_bytes']);
    expect(await submit('b', 0, image(40))).toBe('ok');
    expect(await submit('a', 0, image(1))).toBe('share_blob_bytes');
    expect(await submit('b', 0, image(1))).toBe('ok');
    expect(await submit('c', 0, image(60))).toBe('blob_bytes');
    expect(await submit('a', 0, image(0))).toBe('ok');
    await sound();
  });

  it('follow weights', async () => {
    await weight('a', 0.5);
    await submit('b', 0, image(80));
    // Three and a half times what is free of 720.
    expect(await fill('a', 0, image(80))).toEqual([7, 'share_blob_bytes']);
  });

  it('admit the first image of a flow whatever its size', async () => {
    expect(await submit('a', 0, image(800))).toBe('ok');
  });

  it('are charged to their flow until their jobs end, however they do', async () => {
    const jobs = ['ended', 'canceled', 'erased', 'aborted', 'expired'];
    for (const id of jobs) await by.submit(id, { flow: 'a' });
    await by.submit('stays', { flow: 'b', queue: 'interactive' });
    await by.create('batch', { open: true, flow: 'a' });
    const { tokens } = await by.append('batch', [inlineItem(null), inlineItem(null), inlineItem(null)]);
    await by.frame('f1', 'gate', { flow: 'a' });
    await by.frame('f2', 'gate', { flow: 'a' });
    expect(await bytesOf()).toEqual({ '*': '38', a: '35', b: '3' });
    await sound();
    await end('ended');
    await by.cancel('canceled');
    await by.erase('erased', 'o');
    await by.abort('aborted');
    await raw.hset(by.key('job:expired'), 'expiresAt', 1);
    await by.hurry('expired');
    await by.sweep();
    await end(tokens[0]!);
    expect(await bytesOf()).toEqual({ '*': '18', a: '15', b: '3' });
    await by.stop('batch', 'cancel');
    await by.eraseCamera('gate');
    expect(await bytesOf()).toEqual({ '*': '3', b: '3' });
    await by.cancel('stays');
    expect(await bytesOf()).toEqual({});
    await sound();
  });

  it('count as nobody’s when a process of another release has charged or returned some', async () => {
    await by.submit('a1', { flow: 'a' });
    await by.submit('a2', { flow: 'a' });
    // One of 0.1.0 has ended a job of a third flow, of which it keeps no account.
    await by.submit('gone', { flow: 'c' });
    await raw.hincrby(by.key('stats'), 'blobBytes', -3);
    await by.submit('b1', { flow: 'b' });
    expect(await bytesOf()).toEqual({ '*': '9', b: '3' });
    await by.cancel('a1');
    expect(await bytesOf()).toEqual({ '*': '6', b: '3' });
    await by.cancel('b1');
    expect(await bytesOf()).toEqual({ '*': '3' });
  });
});

describe('a limit of the caller', () => {
  it('counts its jobs, items and frames, and is no one else’s', async () => {
    const own = { maxPending: 4 };
    await by.create('b', { open: true, flow: 'a', ...own });
    const append = async (count: number) =>
      (
        await by.append(
          'b',
          Array.from({ length: count }, () => urlItem(null)),
        )
      ).reason;
    expect(await append(2)).toBe('');
    expect((await by.frame('f', 'gate', { flow: 'a', ...own }))[0]).toBe('ok');
    expect(await append(2)).toBe('own_pending');
    expect(await submit('a', 1000, own)).toBe('ok');
    expect(await submit('a', 1000, own)).toBe('own_pending');
    expect((await by.frame('g', 'other', { flow: 'a', ...own })).slice(0, 2)).toEqual(['full', 'own_pending']);
    expect(await by.create('c', { flow: 'a', ...own })).toBe('full');
    expect(await submit('b', 1000, own)).toBe('ok');
    // Work submitted under a key without the limit, or before it had one.
    expect(await submit('a', 1000)).toBe('ok');
    await drain('a', 2);
    expect(await submit('a', 1000, own)).toBe('ok');
  });

  it('does not hold while a worker of another release runs, which knows no flows', async () => {
    await anotherRelease(true);
    expect(await submit('a', 1000, { maxPending: 1 })).toBe('ok');
    expect(await submit('a', 1000, { maxPending: 1 })).toBe('ok');
  });
});

describe('jobs that have waited long', () => {
  it('prevent more of their flow, not of others', async () => {
    const impatient = { limits: { ...ROOMY, maxOldestMs: 1000 } };
    await by.submit('old', { queue: 'interactive', flow: 'a' });
    await raw.zadd(by.key('lane:jobs:interactive:a'), 1, 'old');
    await raw.zadd(by.key('waiting:interactive'), 1, 'old');
    expect(await submit('a', 0, impatient)).toBe('oldest');
    expect(await submit('b', 0, impatient)).toBe('ok');
    expect((await by.scripts.run(snapshotScript, impatient)).full.interactive).toBeNull();
    // Passed over by another that its own delivery brought.
    await raw.zadd(by.key('lane:jobs:interactive:a'), 1 - 1e14, 'old');
    expect(await submit('a', 0, impatient)).toBe('oldest');
    await raw.zadd(by.key('lane:jobs:interactive:a'), Date.now() - 1e14, 'old');
    expect(await submit('a', 0, impatient)).toBe('ok');
    await anotherRelease(true);
    expect(await submit('b', 0, impatient)).toBe('oldest');
  });
});

describe('while a worker of another release runs', () => {
  it('one flow may have all that may wait, in number and bytes', async () => {
    await anotherRelease(true);
    expect(await fill('a', 20)).toEqual([20, 'waiting']);
    const images = { blob: Buffer.alloc(10), limits: { ...ROOMY, maxBlobBytes: 100 } };
    expect(await fill('a', 0, images)).toEqual([10, 'blob_bytes']);
    expect(await submit('b', 20)).toBe('waiting');
  });
});

it('shares follow the rule in any sequence of events', async () => {
  const LIMIT = 40;
  const FLOWS = ['a', 'b', 'c'];
  const WEIGHTS: Record<string, number> = { a: 1, b: 2, c: 0.5 };
  let nth = 0;
  const flow = fc.constantFrom(...FLOWS);
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('submit' as const), flow, count: fc.integer({ min: 1, max: 20 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('append' as const), flow, count: fc.integer({ min: 1, max: 12 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('claim' as const, 'cancel' as const),
        flow,
        count: fc.integer({ min: 1, max: 12 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('end' as const), flow, count: fc.integer({ min: 1, max: 12 }) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const here = new ScriptHarness(raw, `{fq-shares-${nth++}}`);
      for (const [name, value] of Object.entries(WEIGHTS))
        if (value !== 1) await raw.hset(here.key('weights'), name, value);
      const unclaimed = new Map(FLOWS.map((name) => [name, [] as string[]]));
      const items = new Map(FLOWS.map((name) => [name, 0]));
      const claimed: string[] = [];
      for (const name of FLOWS) await here.create(name, { open: true, flow: name });
      let ids = 0;
      const own = (name: string) => unclaimed.get(name)!.length + items.get(name)!;
      const total = () => claimed.length + FLOWS.reduce((sum, name) => sum + own(name), 0);
      /** What admission should answer. */
      const expected = (name: string, count: number, limit: number) => {
        const free = limit - total() - count;
        if (free < 0) return 'waiting';
        const others = FLOWS.some((other) => other !== name && own(other) > 0);
        const share = 7 * (others ? WEIGHTS[name]! : Math.max(1, WEIGHTS[name]!)) * free;
        if (own(name) + count <= Math.max(1, share)) return 'ok';
        return others ? 'share_pending' : 'waiting';
      };
      for (const now of steps) {
        const mine = unclaimed.get(now.flow)!;
        if (now.kind === 'append') {
          const given = Array.from({ length: now.count }, () => urlItem(null));
          const answer = expected(now.flow, now.count, 0.8 * LIMIT);
          const { answer: word, reason } = await here.append(now.flow, given, 'fail', { limits: limits(LIMIT) });
          expect(word === 'ok' ? word : reason).toBe(answer);
          if (answer === 'ok') items.set(now.flow, items.get(now.flow)! + now.count);
          continue;
        }
        for (let i = 0; i < now.count; i++) {
          if (now.kind === 'submit') {
            const id = `${now.flow}${ids++}`;
            const answer = expected(now.flow, 1, LIMIT);
            const reply = await here.submit(id, {
              queue: 'interactive',
              owner: now.flow,
              limits: limits(LIMIT),
              blob: NO_BYTES,
            });
            expect(reply[0] === 'ok' ? 'ok' : reply[1]).toBe(answer);
            if (answer === 'ok') mine.push(id);
          } else if (now.kind === 'cancel') {
            const id = mine.pop();
            if (id) await here.cancel(id);
          } else if (now.kind === 'claim') {
            // Which one that is, turns decide.
            const [any] = mine;
            const { job } = any ? await here.claim(any) : { job: null };
            if (!job) continue;
            const of = unclaimed.get(job.flow)!;
            of.splice(of.indexOf(job.id), 1);
            claimed.push(job.id);
          } else {
            const id = claimed.pop();
            if (id) await here.finish(id, 1);
          }
          expect(total()).toBeLessThanOrEqual(LIMIT);
        }
      }
      expect((await audit(redis.url, here.prefix)).findings).toEqual([]);
    }),
    { numRuns: 8 },
  );
});
