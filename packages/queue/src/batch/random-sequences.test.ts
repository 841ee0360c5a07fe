import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { BatchModel, type ModelItem } from '../testing/batch-model.ts';
import { badItem, inlineItem, ScriptHarness, urlItem } from '../testing/script-harness.ts';

const MAX_ATTEMPTS = 3;

let redis: TestRedis;
let raw: Redis;
beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** Mostly of one, so that much happens to it. */
const id = fc.constantFrom('a', 'a', 'a', 'b');
const which = fc.nat(30);
const name = fc.option(fc.constantFrom('x', 'y', 'z', '/', 'é 😀', '"\\\u0000\u007f', '#1'), { nil: null });
const item = fc.oneof(
  { weight: 3, arbitrary: name.map((text) => inlineItem(text)) },
  { weight: 3, arbitrary: name.map((text) => inlineItem(text, '')) },
  { weight: 3, arbitrary: name.map(urlItem) },
  { weight: 1, arbitrary: name.map((text) => badItem(text)) },
);
const kinds = <K extends string>(...given: K[]) => fc.constantFrom(...given);
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: kinds('create'), id, open: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kinds('append'),
      id,
      items: fc.array(item, { maxLength: 12, size: 'max' }),
      twice: fc.constantFrom('skip' as const, 'fail' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kinds('settle', 'close'), id }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: kinds('cancel', 'erase', 'drain'), id, chunk: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: kinds('claim next'), id, which }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: kinds('start', 'finish', 'fail', 'release'), id, which, stale: fc.nat(9) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kinds('claim', 'cancel job', 'erase job'), id, which }) },
  { weight: 3, arbitrary: fc.record({ kind: kinds('lock'), id, which, token: fc.constantFrom('', 't1', 't2') }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds('sweep') }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds('silence'), id }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Scripts and model side by side. */
class Run {
  readonly by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
  /** By what the steps call them. */
  readonly batches = new Map<'a' | 'b', BatchModel>();
  #made = 0;

  async act(now: Step): Promise<void> {
    const { by } = this;
    if (now.kind === 'sweep') return this.sweep();
    const batch = this.batches.get(now.id);
    if (now.kind === 'create') {
      // An id is never used again.
      const fresh = batch?.id ?? `${now.id}${this.#made++}`;
      expect(await by.create(fresh, { open: now.open })).toBe(batch ? 'exists' : 'ok');
      if (!batch) this.batches.set(now.id, new BatchModel(fresh, now.open, MAX_ATTEMPTS));
      return;
    }
    if (!batch) return;
    switch (now.kind) {
      case 'append': {
        const { answer, counts } = await by.append(batch.id, now.items, now.twice);
        expect(answer).toBe(batch.erased ? 'gone' : batch.takesItems ? 'ok' : 'closed');
        if (answer === 'ok') expect(counts).toEqual(batch.append(now.items, now.twice));
        break;
      }
      case 'settle':
        await by.settle(batch.id);
        batch.settle();
        break;
      case 'close':
        await by.close(batch.id);
        batch.close();
        break;
      case 'cancel':
      case 'erase':
        await by.stop(batch.id, now.kind, now.chunk);
        batch.stop(now.kind, now.chunk);
        break;
      case 'drain':
        await by.cancelRemaining(batch.id, now.chunk);
        batch.cancelRemaining(now.chunk);
        break;
      case 'claim next':
        await this.claimNext(batch, now.which);
        break;
      case 'silence':
        await this.silence(batch);
        break;
      default: {
        const activeItems = batch.activeItems;
        if (activeItems.length > 0) await this.happens(batch, activeItems[now.which % activeItems.length]!, now);
      }
    }
    if (batch.nothingLeft) this.batches.delete(now.id);
  }

  async claimNext(batch: BatchModel, nth: number): Promise<void> {
    const tokens = await this.by.tokensOf(`batch:${batch.id}`);
    const token = tokens[nth % Math.max(1, tokens.length)];
    if (!token) return;
    const { job } = await this.by.claim(token, MAX_ATTEMPTS);
    const given = batch.claimNext(token);
    expect(job?.attempt).toBe(given?.state.attempts);
    if (given) given.jobId = job!.id;
  }

  async happens(batch: BatchModel, { jobId, deliveryId, ...given }: ModelItem, now: Step): Promise<void> {
    const { by } = this;
    const item = batch.items.find((each) => each.name === given.name && each.jobId === jobId)!;
    const attempt = 'stale' in now && now.stale === 0 ? given.state.attempts - 1 : given.state.attempts;
    switch (now.kind) {
      case 'start':
        expect(await by.start(jobId!, attempt)).toBe(batch.happens(item, { kind: 'start', attempt }));
        break;
      case 'finish':
      case 'fail': {
        const status = now.kind === 'finish' ? 'succeeded' : 'failed';
        expect(await by.finish(jobId!, attempt, status)).toBe(batch.happens(item, { kind: 'finish', attempt, status }));
        break;
      }
      case 'release':
        expect(await by.release(jobId!, attempt)).toBe(
          batch.happens(item, { kind: 'release', attempt, forgiven: false }),
        );
        break;
      case 'claim': {
        const { job } = await by.claim(deliveryId!, MAX_ATTEMPTS);
        expect(job !== null).toBe(batch.happens(item, { kind: 'claim', by: 'b' }));
        break;
      }
      case 'cancel job':
      case 'erase job':
        await (now.kind === 'cancel job' ? by.cancel(jobId!) : by.erase(jobId!, '', 1000));
        batch.happens(item, { kind: 'cancel' });
        break;
      case 'lock':
        await by.lock('bulk', deliveryId!, now.token);
        batch.happens(item, { kind: 'lock', token: now.token });
        break;
      default:
        throw new Error(now.kind);
    }
  }

  /** Nobody has appended for a long time, and a sweep runs. */
  async silence(batch: BatchModel): Promise<void> {
    await raw.hset(this.by.key(`batch:${batch.id}`), 'lastAppend', 1);
    await this.sweep();
    if (batch.state === 'open') batch.close();
    if (batch.state === 'building') batch.stop('erase', Number.POSITIVE_INFINITY);
  }

  async sweep(): Promise<void> {
    for (const batch of this.batches.values()) {
      for (const token of await this.by.tokensOf(`batch:${batch.id}`)) await this.by.hurry(token);
      for (const { jobId } of batch.activeItems) await this.by.hurry(jobId!);
      if (!batch.done) await this.by.hurry(`batch-${batch.id}`);
    }
    await this.by.sweep();
    for (const [name, batch] of this.batches) {
      batch.cancelRemaining(Number.POSITIVE_INFINITY);
      for (const item of batch.activeItems) batch.happens(item, { kind: 'sweep' });
      if (batch.nothingLeft) this.batches.delete(name);
    }
  }

  /** Redis agrees with the model. */
  async compare(): Promise<void> {
    expect((await audit(raw, this.by.prefix)).findings).toEqual([]);
    const keys = await raw.keys(this.by.key('batch:*'));
    expect(keys.sort()).toEqual([...this.batches.values()].map((each) => this.by.key(`batch:${each.id}`)).sort());
    for (const batch of this.batches.values()) {
      if (batch.erased) continue;
      const results = await raw.xrange(this.by.key(`results:${batch.id}`), '-', '+');
      const listed = results.map(([, [, given, , status]]) => `${given} ${status}`);
      const ended = batch.items.filter((each) => !['queued', 'processing'].includes(each.state.status));
      expect(listed.sort()).toEqual(ended.map((each) => `${each.name} ${each.state.status}`).sort());
      const state = await raw.hget(this.by.key(`batch:${batch.id}`), 'state');
      expect(state).toBe(batch.done && !batch.stopped ? 'finished' : batch.state);
    }
  }

  /** Everything ends well. */
  async finish(): Promise<void> {
    for (const [id, batch] of this.batches) {
      await this.act({ kind: 'settle', id });
      await this.act({ kind: 'close', id });
      await this.act({ kind: 'drain', id, chunk: 1000 });
      while (batch.lane.length > 0 && !batch.stopped) await this.claimNext(batch, 0);
      for (const item of batch.activeItems) {
        for (const kind of ['lock', 'claim', 'finish'] as const)
          if (!['succeeded', 'failed'].includes(item.state.status))
            await this.happens(batch, item, { kind, id, which: 0, stale: 1, token: 'last' } as never);
      }
      expect(batch.done).toBe(true);
    }
    await this.compare();
  }
}

describe('batches', () => {
  it('list every item once and keep every count, in any sequence of events', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 60, size: 'max' }), async (open, steps) => {
        const run = new Run();
        const items = Array.from({ length: 10 }, () => urlItem(null));
        const first: Step[] = [
          { kind: 'create', id: 'a', open },
          { kind: 'append', id: 'a', items, twice: 'fail' },
        ];
        for (const now of [...first, ...steps]) {
          await run.act(now);
          await run.compare();
        }
        await run.finish();
      }),
      { numRuns: 60 },
    );
  });
});
