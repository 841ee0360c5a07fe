import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { CameraModel, isLive, type ModelFrame } from '../testing/camera-model.ts';
import { ScriptHarness } from '../testing/script-harness.ts';

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
const camera = fc.constantFrom('a', 'a', 'a', 'b');
const which = fc.nat(30);
const keep = fc.constantFrom('latest' as const, 'all' as const);
/** Superseded frames that a script ends at a time. */
const chunk = fc.constantFrom(1, 2, 1000);
const kinds = <K extends string>(...given: K[]) => fc.constantFrom(...given);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: kinds('post'), camera, keep, chunk }) },
  { weight: 6, arbitrary: fc.record({ kind: kinds('claim next'), camera, which }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: kinds('start', 'finish', 'fail', 'release'), camera, which, stale: fc.nat(9) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: kinds('claim', 'cancel', 'erase', 'unpost', 'overdue'), camera, which }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kinds('lock'), camera, which, token: fc.constantFrom('', 't1', 't2') }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds('sweep'), camera }) },
  { weight: 1, arbitrary: fc.record({ kind: kinds('a day'), camera }) },
  { weight: 1, arbitrary: fc.record({ kind: kinds('erase camera'), camera, chunk }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Scripts and model side by side. */
class Run {
  readonly by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
  readonly cameras = new Map<string, CameraModel>();
  #frames = 0;

  async act(now: Step): Promise<void> {
    const { by } = this;
    const model = this.cameras.get(now.camera);
    if (now.kind === 'post') {
      const id = `f${this.#frames++}`;
      expect((await by.frame(id, now.camera, { keep: now.keep, chunk: now.chunk }))[0]).toBe('ok');
      if (!model) this.cameras.set(now.camera, new CameraModel(MAX_ATTEMPTS));
      this.cameras.get(now.camera)!.post(id, now.keep);
      return;
    }
    if (!model) return;
    if (now.kind === 'claim next') {
      const tokens = await by.tokensOf(`camera:/${now.camera}`);
      const token = tokens[now.which % Math.max(1, tokens.length)];
      if (token) expect((await by.claim(token, MAX_ATTEMPTS)).job?.id).toBe(model.claimNext(token)?.id);
    } else if (now.kind === 'sweep') {
      await this.#sweep();
    } else if (now.kind === 'a day') {
      await this.#passDay(now.camera, model);
    } else if (now.kind === 'erase camera') {
      while ((await by.eraseCamera(now.camera, now.chunk)).more);
      await this.#gone(now.camera, model);
    } else if (model.frames.length > 0) {
      // The last ones are those in whose life something can still happen.
      const recent = model.frames.slice(-6);
      await this.#happens(model, recent[now.which % recent.length]!, now);
    }
  }

  async #happens(model: CameraModel, frame: ModelFrame, now: Extract<Step, { which: number }>): Promise<void> {
    const { by } = this;
    const { id } = frame;
    const attempt = 'stale' in now && now.stale === 0 ? frame.attempts - 1 : frame.attempts;
    switch (now.kind) {
      case 'start':
        expect(await by.start(id, attempt)).toBe(model.start(frame, attempt));
        break;
      case 'finish':
      case 'fail': {
        const status = now.kind === 'finish' ? 'succeeded' : 'failed';
        expect(await by.finish(id, attempt, status)).toBe(model.finish(frame, attempt, status));
        break;
      }
      case 'release':
        expect(await by.release(id, attempt)).toBe(model.release(frame, attempt));
        break;
      case 'claim':
        if (frame.deliveryId)
          expect((await by.claim(frame.deliveryId, MAX_ATTEMPTS)).job !== null).toBe(model.claim(frame));
        break;
      case 'cancel':
        await by.cancel(id);
        model.cancel(frame);
        break;
      case 'erase':
        expect(await by.erase(id, '', 60_000)).toBe(!frame.erased || (await this.#tombstone(id)));
        model.cancel(frame);
        frame.erased = true;
        break;
      case 'unpost':
        expect(await by.abort(id)).toBe(model.unpost(frame));
        break;
      case 'overdue':
        if (!isLive(frame)) break;
        await raw.hset(by.key(`job:${id}`), 'expiresAt', 1);
        frame.overdue = true;
        break;
      case 'lock':
        if (!frame.deliveryId) break;
        await by.lock('cameras', frame.deliveryId, now.token);
        frame.lock = now.token;
        break;
      default:
        throw new Error(now.kind);
    }
  }

  async #tombstone(id: string): Promise<boolean> {
    return (await raw.exists(this.by.key(`gone:${id}`))) === 1;
  }

  async #sweep(): Promise<void> {
    for (const [name, model] of this.cameras) {
      for (const token of await this.by.tokensOf(`camera:/${name}`)) await this.by.hurry(token);
      for (const { id } of model.frames) await this.by.hurry(id);
    }
    await this.by.sweep();
    for (const model of this.cameras.values()) for (const frame of model.frames) model.sweep(frame);
  }

  /** Nothing is posted for a day. */
  async #passDay(name: string, model: CameraModel): Promise<void> {
    const { by } = this;
    // Overdue frames end before the camera is swept.
    await this.#sweep();
    await raw.hset(by.key(`camera:/${name}`), 'lastFrameAt', 1);
    await raw.zadd(by.key('cameras'), 1, `/${name}`);
    await by.hurry(`camera-/${name}`);
    const tokens = await by.tokensOf(`camera:/${name}`);
    await by.sweep();
    if (tokens.length > 0 || model.live.length > 0) return;
    await this.#gone(name, model);
  }

  /** The camera no longer exists. What ended is kept as jobs for a while nevertheless. */
  async #gone(name: string, model: CameraModel): Promise<void> {
    this.cameras.delete(name);
    for (const { id } of model.frames) await this.by.hurry(id);
    await this.by.sweep();
  }

  /** Everything is as the models say. */
  async compare(): Promise<void> {
    const { by } = this;
    expect((await audit(raw, by.prefix)).findings).toEqual([]);
    const listed = await raw.zrange(by.key('cameras'), 0, '-1');
    expect(listed.sort()).toEqual([...this.cameras.keys()].map((name) => `/${name}`).sort());
    for (const [name, model] of this.cameras) {
      const { counts } = model;
      const fields = Object.keys(counts);
      const stored = await raw.hmget(by.key(`camera:/${name}`), ...fields);
      expect(Object.fromEntries(fields.map((field, i) => [field, Number(stored[i])]))).toEqual(counts);
      const results = await raw.xrange(by.key(`frames:/${name}`), '-', '+');
      expect(results.map(([, [, id, , status]]) => `${id} ${status}`)).toEqual(model.results);
    }
  }

  /** Everything that waits is processed; a day later only the fixed keys remain. */
  async finish(): Promise<void> {
    for (const [name, model] of this.cameras) {
      for (;;) {
        const [token] = await this.by.tokensOf(`camera:/${name}`);
        if (!token) break;
        expect((await this.by.claim(token, MAX_ATTEMPTS)).job?.id).toBe(model.claimNext(token)?.id);
      }
      for (const frame of model.live) {
        await this.by.cancel(frame.id);
        model.cancel(frame);
      }
    }
    await this.compare();
    for (const [name, model] of [...this.cameras]) await this.#passDay(name, model);
    expect(this.cameras.size).toBe(0);
    const keys = (await raw.keys(this.by.key('*'))).map((key) => key.slice(this.by.prefix.length + 1));
    expect(keys.filter((key) => !/^(gone|bull):/.test(key) && key !== 'stats')).toEqual([]);
    const sums = await raw.hmget(this.by.key('stats'), 'blobBytes', 'resultBytes');
    expect(sums.map(Number)).toEqual([0, 0]);
  }
}

describe('cameras', () => {
  it('count every frame once, in any sequence of events', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const run = new Run();
        for (const now of steps) {
          await run.act(now);
          await run.compare();
        }
        await run.finish();
      }),
      { numRuns: 60 },
    );
  });
});
