/** How many bytes of results and webhooks a flow may have, and that they are counted with their flow for as long as they are kept. */
import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROOMY } from '../testing/rig.ts';
import { badItem, inlineItem, ScriptHarness, urlItem } from '../testing/script-harness.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';
import { leaseScript, reportScript } from '../webhook/webhooks.ts';
import { snapshotScript } from './snapshot.ts';

useScripts();

type More = Parameters<ScriptHarness['submit']>[1];
const hookTo = (webhookHost: string) => ({ webhookHost, webhookUrl: `https://${webhookHost}/` });
const limits = (maxResultBytes: number) => ({ ...ROOMY, maxResultBytes });

/** A job of the flow that has ended with so many bytes, whatever the limits. @returns its id */
async function keep(flow: string, bytes: number, more: More = {}, here = by): Promise<string> {
  const id = `${flow}-${randomUUID()}`;
  expect((await here.submit(id, { queue: 'interactive', owner: flow, ...more }))[0]).toBe('ok');
  const { job } = await here.claim(id);
  expect(await here.finish(job!.id, job!.attempt, 'succeeded', 'x'.repeat(bytes))).toBe(true);
  return id;
}

/** Whether a job of the flow would be admitted: 'ok' or the reason. Nothing of it remains. */
async function ask(flow: string, maxResultBytes: number, more: More = {}): Promise<string> {
  const id = randomUUID();
  const given = { queue: 'interactive' as const, owner: flow, limits: limits(maxResultBytes), ...more };
  const [answer, reason] = await by.submit(id, given);
  if (answer === 'ok') expect(await by.abort(id)).toBe(true);
  return String(answer === 'ok' ? answer : reason);
}

/** Bytes that count with flows. */
async function counted(here = by) {
  const { '*': _, ...results } = await raw.hgetall(here.key('flow-results'));
  return { results, webhooks: await raw.hgetall(here.key('flow-webhooks')) };
}
const resultsOf = async (flow: string) => Number((await counted()).results[flow] ?? 0);

async function deliver(here = by): Promise<void> {
  for (const { subject, ...lease } of await here.scripts.run(leaseScript, { max: 100, perHost: 100, leaseMs: 1e6 })) {
    const id = subject.kind === 'job' ? subject.job.id : subject.batch.id;
    const attemptJson = { at: 1, status: 200, error: null, ms: 1 };
    await here.scripts.run(reportScript, {
      id,
      attempt: lease.attempt,
      status: 'delivered',
      attemptJson,
      nextInMs: 0,
      logLength: 5,
    });
  }
}

/** Makes workers look as if one of 0.1.0 ran, or none. */
async function anotherRelease(runs: boolean): Promise<void> {
  if (runs) await raw.hset(by.key('workers'), 'old', `${Date.now()} {}`);
  else await raw.hdel(by.key('workers'), 'old');
  await by.sweep();
}

const sound = async (here = by) => expect((await audit(redis.url, here.prefix)).findings).toEqual([]);
const weight = (flow: string, value: number) => raw.hset(by.key('weights'), flow, value);
const full = async (maxResultBytes: number) =>
  (await by.scripts.run(snapshotScript, { limits: limits(maxResultBytes) })).full;

describe('the results of one flow', () => {
  it('may be seven eighths of the limit; then it hears that the queue is full', async () => {
    await keep('a', 874_999);
    expect(await ask('a', 1_000_000)).toBe('ok');
    await keep('a', 1);
    expect(await ask('a', 1_000_000)).toBe('result_bytes');
    await sound();
  });

  it('leave the rest to others, and once these use it, it hears that it has its share', async () => {
    const kept = await keep('a', 900_000);
    expect(await ask('b', 1_000_000)).toBe('ok');
    const other = await keep('b', 1);
    expect(await ask('a', 1_000_000)).toBe('share_result_bytes');
    expect(await ask('b', 1_000_000)).toBe('ok');
    await by.erase(other, 'b');
    expect(await ask('a', 1_000_000)).toBe('result_bytes');
    await by.submit('waits', { owner: 'b' });
    expect(await ask('a', 1_000_000)).toBe('share_result_bytes');
    await by.erase(kept, 'a');
    expect(await ask('a', 1_000_000)).toBe('ok');
  });

  it('refuse its batches, items and frames likewise, and not those of others', async () => {
    await by.create('of-a', { open: true, flow: 'a' });
    await by.create('of-b', { open: true, flow: 'b' });
    await keep('a', 900_000);
    const few = { limits: limits(1_000_000) };
    const answers = async (flow: string) => [
      (await by.append(`of-${flow}`, [urlItem(null)], 'fail', few)).reason,
      await by.create(randomUUID(), { flow, ...few }),
      (await by.frame(randomUUID(), `gate-${flow}`, { flow, ...few })).slice(0, 2),
    ];
    expect(await answers('a')).toEqual(['share_result_bytes', 'full', ['full', 'share_result_bytes']]);
    expect(await answers('b')).toEqual(['', 'ok', ['ok', expect.any(Number)]]);
  });

  it('are the reason that a snapshot gives that flow, and no other', async () => {
    await keep('a', 900_000);
    expect(await full(1_000_000)).toMatchObject({
      interactive: { reason: 'result_bytes', flow: 'a' },
      bulk: { reason: 'result_bytes', flow: 'a' },
    });
    await keep('b', 1);
    expect(await full(1_000_000)).toEqual({ interactive: null, bulk: null, cameras: null });
    await by.submit('waits', { owner: 'a' });
    expect(await full(1_000_000)).toEqual({ interactive: null, bulk: null, cameras: null });
  });

  it('follow its weight while others use the installation', async () => {
    await weight('a', 0.5);
    const other = await keep('b', 100_000);
    const last = await keep('a', 699_999);
    // Three and a half times what is free.
    expect(await ask('a', 1_000_000)).toBe('ok');
    await keep('a', 1);
    expect(await ask('a', 1_000_000)).toBe('share_result_bytes');
    await by.erase(other, 'b');
    expect(await ask('a', 1_000_000)).toBe('ok');
    await keep('a', 174_999);
    expect(await ask('a', 1_000_000)).toBe('ok');
    await keep('a', 1);
    expect(await ask('a', 1_000_000)).toBe('result_bytes');
    await by.erase(last, 'a');
    await weight('a', 2);
    await keep('b', 100_000);
    await keep('a', 665_000);
    // Fourteen times what is free, which is less than 60 000.
    expect(await ask('a', 1_000_000)).toBe('share_result_bytes');
    expect(await ask('a', 1_100_000)).toBe('ok');
  });
});

describe('while results take all that they may and more', () => {
  it('each flow gets its part of an eighth, in which its pending jobs count', async () => {
    await keep('a', 2_000_000);
    expect(await ask('b', 1_000_000)).toBe('ok');
    // Half of 125 000, and 1 024 for the job.
    await keep('b', 61_476);
    expect(await ask('b', 1_000_000)).toBe('ok');
    await keep('b', 1);
    expect(await ask('b', 1_000_000)).toBe('share_result_bytes');
    // A third of it.
    for (let i = 0; i < 39; i++) await by.submit(`waits-${i}`, { owner: 'c' });
    expect(await ask('c', 1_000_000)).toBe('ok');
    await by.submit('waits-too', { owner: 'c' });
    expect(await ask('c', 1_000_000)).toBe('share_result_bytes');
    expect(await ask('a', 1_000_000)).toBe('share_result_bytes');
  });

  it('a flow gets its first job in, however small the limit, and no second one', async () => {
    await keep('a', 3000);
    expect(await ask('b', 1000)).toBe('ok');
    await by.submit('waits', { owner: 'b' });
    expect(await ask('b', 1000)).toBe('share_result_bytes');
  });
});

describe('while a worker of another release runs', () => {
  it('there are no shares: all flows may submit up to the limit, and none beyond', async () => {
    await keep('a', 999);
    await anotherRelease(true);
    expect([await ask('a', 1000), await ask('b', 1000)]).toEqual(['ok', 'ok']);
    await keep('a', 1);
    expect([await ask('a', 1000), await ask('b', 1000)]).toEqual(['result_bytes', 'result_bytes']);
    expect((await full(1000)).interactive).toMatchObject({ reason: 'result_bytes', flow: null });
  });
});

describe('webhooks of one flow', () => {
  const charge = (bytes: number) => bytes - 2048;

  it('for one receiver leave others theirs, and then it hears that it has its share', async () => {
    // Of an eighth of a million.
    await keep('a', charge(109_374), hookTo('h'));
    expect(await ask('a', 1_000_000, hookTo('h'))).toBe('ok');
    await keep('a', charge(2048), hookTo('h'));
    expect(await ask('a', 1_000_000, hookTo('h'))).toBe('host_webhooks');
    expect(await ask('a', 1_000_000, hookTo('other'))).toBe('ok');
    expect(await ask('a', 1_000_000)).toBe('ok');
    expect(await ask('b', 1_000_000, hookTo('h'))).toBe('ok');
    await keep('b', charge(4000), hookTo('h'));
    expect(await ask('a', 1_000_000, hookTo('h'))).toBe('share_host_webhooks');
    await keep('a', charge(20_000), hookTo('h'));
    // Half of an eighth of 125 000 is less than what b has and what a job is expected to add.
    await keep('b', charge(2048), hookTo('h'));
    expect(await ask('b', 1_000_000, hookTo('h'))).toBe('share_host_webhooks');
    expect(await ask('c', 1_000_000, hookTo('h'))).toBe('ok');
    await sound();
  });

  it('for all receivers leave others theirs, and then it hears that it has its share', async () => {
    // Only the webhooks remain.
    for (let i = 0; i < 5; i++) await by.hurry(await keep('a', charge(100_000), hookTo(`h${i}`)));
    await by.sweep();
    expect(await ask('a', 1_000_000, hookTo('new'))).toBe('webhooks');
    expect(await ask('b', 1_000_000, hookTo('new'))).toBe('ok');
    await keep('b', charge(2048), hookTo('h'));
    expect(await ask('a', 1_000_000, hookTo('new'))).toBe('share_webhooks');
    expect(await ask('a', 2_000_000)).toBe('ok');
    await deliver();
    expect(await ask('a', 2_000_000, hookTo('new'))).toBe('ok');
    expect((await counted()).webhooks).toEqual({});
    await sound();
  });
});

describe('bytes count with their flow', () => {
  it('from the end of a job until it expires or is erased, and of its webhook until that is delivered or erased', async () => {
    const hooked = hookTo('h');
    const [expires, erased, delivered, withdrawn] = [
      await keep('a', 100),
      await keep('a', 200),
      await keep('a', 400, hooked),
      await keep('b', 800, hooked),
    ];
    await by.submit('unfinished', { owner: 'a', ...hooked });
    expect(await counted()).toEqual({
      results: { a: String(700 + 400 + 2048), b: String(800 + 800 + 2048) },
      webhooks: { 'h a': '2448', '* a': '2448', 'h b': '2848', '* b': '2848' },
    });
    await sound();
    await by.hurry(expires);
    await by.sweep();
    await by.erase(erased, 'a');
    expect((await counted()).results).toEqual({ a: String(400 + 400 + 2048), b: '3648' });
    await by.erase(withdrawn, 'b');
    // The webhook outlives the record.
    await by.hurry(delivered);
    await by.sweep();
    expect(await counted()).toEqual({ results: { a: '2448' }, webhooks: { 'h a': '2448', '* a': '2448' } });
    await sound();
    await by.cancel('unfinished');
    expect((await counted()).results).toEqual({ a: String(2448 + 2048) });
    await deliver();
    expect(await counted()).toEqual({ results: {}, webhooks: {} });
    expect(await raw.exists(by.key('flow-results'), by.key('flow-webhooks'))).toBe(0);
  });

  it('once, though a worker finishes its job again, or a stale one does', async () => {
    const id = await keep('a', 100);
    expect(await by.finish(id, 1, 'succeeded', 'x'.repeat(100))).toBe(true);
    expect(await by.finish(id, 0, 'succeeded', 'x'.repeat(100))).toBe(false);
    await by.submit('again', { owner: 'a', queue: 'interactive' });
    await by.lock('interactive', 'again', 'first');
    const first = (await by.claim('again')).job!;
    await by.start(first.id, first.attempt);
    // Its worker is killed, and another claims the job.
    await by.lock('interactive', 'again', '');
    await by.hurry('again');
    await by.sweep();
    await by.lock('interactive', 'again', 'second');
    const second = (await by.claim('again')).job!;
    expect(await by.finish('again', first.attempt, 'succeeded', 'x'.repeat(50))).toBe(false);
    expect(await by.finish('again', second.attempt, 'succeeded', 'x'.repeat(10))).toBe(true);
    expect(await resultsOf('a')).toBe(110);
    await sound();
  });

  it('of a batch with its items, names and webhook, until it is erased, expires or is given up', async () => {
    const bytesOf = async (id: string) => Number(await raw.hget(by.key(`batch:${id}`), 'resultBytes'));
    for (const id of ['erased', 'canceled', 'expires']) {
      await by.create(id, { open: true, flow: 'a', webhookHost: 'h' });
      const { tokens } = await by.append(id, [badItem('bad'), inlineItem('good'), inlineItem('late')]);
      await by.settle(id);
      const { job } = await by.claim(tokens[0]!);
      await by.finish(job!.id, 1);
    }
    await by.create('given up', { flow: 'b' });
    const bytes = (await bytesOf('erased')) + (await bytesOf('canceled')) + (await bytesOf('expires'));
    expect((await counted()).results).toEqual({ a: String(bytes), b: String(await bytesOf('given up')) });
    await sound();
    await by.stop('erased', 'erase');
    await by.stop('canceled', 'cancel');
    await by.close('expires');
    const { job } = await by.claim((await by.tokensOf('batch:expires'))[0]!);
    await by.finish(job!.id, 1);
    await raw.hset(by.key('batch:given up'), 'lastAppend', 1);
    for (const id of ['given up', 'expires']) {
      await raw.hset(by.key(`batch:${id}`), 'expiresAt', 1);
      await by.hurry(`batch-${id}`);
    }
    await by.sweep();
    expect(await counted()).toEqual({
      results: { a: String((await bytesOf('canceled')) + 2 * 2048) },
      webhooks: { 'h a': '4096', '* a': '4096' },
    });
    await sound();
    await by.stop('canceled', 'erase');
    await deliver();
    expect(await counted()).toEqual({ results: {}, webhooks: {} });
  });

  it('of a camera with one flow, whoever posts its frames, until it is erased or forgotten', async () => {
    for (const [camera, flow] of [
      ['erased', 'a'],
      ['erased', 'b'],
      ['forgotten', 'b'],
    ] as const) {
      const [, , , token] = await by.frame(randomUUID(), camera, { flow });
      const { job } = await by.claim(String(token));
      await by.finish(job!.id, 1);
    }
    const bytesOf = (camera: string) => raw.hget(by.key(`camera:/${camera}`), 'resultBytes');
    // A frame's job is kept besides.
    const job = 'result'.length;
    expect((await counted()).results).toEqual({
      a: String(Number(await bytesOf('erased')) + job),
      b: String(Number(await bytesOf('forgotten')) + 2 * job),
    });
    await sound();
    while ((await by.eraseCamera('erased')).more);
    expect(await resultsOf('a')).toBe(0);
    await raw.hset(by.key('camera:/forgotten'), 'lastFrameAt', 1);
    await by.hurry('camera-/forgotten');
    for (const id of await raw.zrange(by.key('due'), 0, '-1')) await by.hurry(id);
    await by.sweep();
    expect(await counted()).toEqual({ results: {}, webhooks: {} });
    await sound();
  });
});

/** What 0.1.0 does: it keeps stats.resultBytes alone. */
async function endedByAnotherRelease(id: string, here = by): Promise<void> {
  const [flow, bytes] = (await raw.hmget(here.key(`job:${id}`), 'owner', 'resultBytes')) as [string, string];
  await raw.hincrby(here.key('flow-results'), flow, -Number(bytes));
  await raw.hincrby(here.key('flow-results'), '*', -Number(bytes));
  await raw.hdel(here.key(`job:${id}`), 'resultEpoch');
}
async function erasedByAnotherRelease(id: string, here = by): Promise<void> {
  const bytes = Number(await raw.hget(here.key(`job:${id}`), 'resultBytes'));
  await raw.del(here.key(`job:${id}`));
  await raw.zrem(here.key('due'), id);
  await raw.hincrby(here.key('stats'), 'resultBytes', -bytes);
}

describe('bytes that another release has charged or returned', () => {
  it('make all flows count from nothing, and what they had counts as nobody’s until it is gone', async () => {
    const [first, second] = [await keep('a', 100), await keep('b', 200)];
    await endedByAnotherRelease(await keep('c', 50));
    const third = await keep('a', 10);
    expect((await counted()).results).toEqual({ a: '10' });
    await by.erase(first, 'a');
    expect((await counted()).results).toEqual({ a: '10' });
    await erasedByAnotherRelease(third);
    await by.erase(second, 'b');
    expect((await counted()).results).toEqual({});
    await keep('b', 7);
    expect((await counted()).results).toEqual({ b: '7' });
    await sound();
  });

  it('were left by a release that knew no such counts: they are nobody’s', async () => {
    const before = [await keep('a', 900_000, hookTo('h')), await keep('a', 1)];
    await raw.del(by.key('flow-results'), by.key('flow-webhooks'));
    for (const id of before) await raw.hdel(by.key(`job:${id}`), 'resultEpoch');
    await raw.hdel(by.key(`delivery:${before[0]}`), 'chargeEpoch');
    // Each flow has what is left of the reserve.
    expect(await ask('a', 1_000_000)).toBe('ok');
    await keep('a', 5);
    expect(await counted()).toEqual({ results: { a: '5' }, webhooks: {} });
    for (const id of before) await by.erase(id, 'a');
    expect(await counted()).toEqual({ results: { a: '5' }, webhooks: {} });
    await sound();
  });

  it('leave a batch and a camera that change again with all their bytes counted', async () => {
    await by.create('b', { open: true, flow: 'a' });
    const frame = async () => {
      const [, , , token] = await by.frame(randomUUID(), 'gate', { flow: 'c' });
      const { job } = await by.claim(String(token));
      await by.finish(job!.id, 1);
      await by.erase(job!.id);
    };
    await frame();
    await raw.hincrby(by.key('stats'), 'resultBytes', 1);
    await keep('d', 1);
    expect((await counted()).results).toEqual({ d: '1' });
    await by.append('b', [badItem('bad')]);
    await frame();
    expect((await counted()).results).toEqual({
      a: await raw.hget(by.key('batch:b'), 'resultBytes'),
      c: await raw.hget(by.key('camera:/gate'), 'resultBytes'),
      d: '1',
    });
    await by.append('b', [badItem('bad too')]);
    expect((await counted()).results['a']).toBe(await raw.hget(by.key('batch:b'), 'resultBytes'));
  });

  it('leave a batch that is erased before it changes again with nothing counted', async () => {
    await by.create('b', { open: true, flow: 'a' });
    await raw.hincrby(by.key('stats'), 'resultBytes', 1);
    await keep('d', 1);
    await raw.hset(by.key('batch:b'), 'finishedAt', 1);
    await by.stop('b', 'erase');
    expect((await counted()).results).toEqual({ d: '1' });
  });

  it('and that amount to nothing are noticed when its last worker is gone', async () => {
    await anotherRelease(true);
    const gone = await keep('a', 100);
    await endedByAnotherRelease(await keep('b', 100));
    await erasedByAnotherRelease(gone);
    expect((await counted()).results).toEqual({ a: '100', b: '0' });
    await anotherRelease(false);
    expect((await counted()).results).toEqual({});
    await keep('b', 1);
    expect((await counted()).results).toEqual({ b: '1' });
  });
});

it('no flow counts more or fewer bytes than it has that name the epoch, in any sequence of events', async () => {
  const FLOWS = ['a', 'b'];
  const flow = fc.constantFrom(...FLOWS);
  const which = fc.nat(20);
  const bytes = fc.integer({ min: 0, max: 3 });
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('keep' as const, 'keep hooked' as const), flow, bytes }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('erase' as const, 'expire' as const, 'foreign end' as const, 'foreign erase' as const),
        which,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('deliver' as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('append' as const, 'erase batch' as const), flow }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('frame' as const, 'erase camera' as const), flow }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      const here = new ScriptHarness(raw, `{fq-results-${randomUUID()}}`);
      const jobs: string[] = [];
      const take = (at: number) => jobs.splice(at % Math.max(1, jobs.length), 1)[0];
      const batches = new Map(FLOWS.map((name) => [name, 0]));
      const batchOf = (name: string) => `${name}-${batches.get(name)}`;
      for (const now of steps) {
        if (now.kind === 'keep' || now.kind === 'keep hooked') {
          jobs.push(await keep(now.flow, now.bytes, now.kind === 'keep' ? {} : hookTo('h'), here));
        } else if (now.kind === 'deliver') {
          await deliver(here);
        } else if (now.kind === 'append') {
          await here.create(batchOf(now.flow), { open: true, flow: now.flow });
          await here.append(batchOf(now.flow), [badItem(null)]);
        } else if (now.kind === 'erase batch') {
          await here.stop(batchOf(now.flow), 'erase');
          batches.set(now.flow, batches.get(now.flow)! + 1);
        } else if (now.kind === 'frame') {
          const id = randomUUID();
          const [, , , token] = await here.frame(id, 'gate', { flow: now.flow });
          const { job } = await here.claim(String(token ?? (await here.tokensOf('camera:/gate'))[0]));
          expect(await here.finish(job!.id, 1)).toBe(true);
          await here.erase(id);
        } else if (now.kind === 'erase camera') {
          while ((await here.eraseCamera('gate')).more);
        } else if ('which' in now) {
          const id = take(now.which);
          if (!id) continue;
          if (now.kind === 'erase') await here.erase(id, id[0]);
          else if (now.kind === 'expire') {
            await here.hurry(id);
            await here.sweep();
          } else {
            const hooked = (await raw.exists(here.key(`delivery:${id}`))) === 1;
            const names = (await raw.hexists(here.key(`job:${id}`), 'resultEpoch')) === 1;
            if (now.kind === 'foreign erase' && !hooked) await erasedByAnotherRelease(id, here);
            else jobs.push(id);
            if (now.kind === 'foreign end' && names) await endedByAnotherRelease(id, here);
            // It is noticed by the next change, unless another of its own amounts to the contrary.
            jobs.push(await keep('a', 1, {}, here));
          }
        }
        const { findings } = await audit(raw, here.prefix);
        expect(findings).toEqual([]);
      }
      for (const id of jobs) await here.erase(id, id[0]);
      for (const name of FLOWS) await here.stop(batchOf(name), 'erase');
      while ((await here.eraseCamera('gate')).more);
      await deliver(here);
      expect((await raw.hget(here.key('stats'), 'resultBytes')) ?? '0').toBe('0');
      expect(await raw.exists(here.key('flow-results'), here.key('flow-webhooks'))).toBe(0);
    }),
    { numRuns: 12 },
  );
});
