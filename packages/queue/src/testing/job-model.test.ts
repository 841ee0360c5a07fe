import { audit } from '@facequeue/audit';
import { isTerminal, JOB_STATUSES } from '@facequeue/schema';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { sweepScript } from '../sweep/sweeper.ts';
import { apply, canMove, type Event, fresh, type State } from './job-model.ts';
import { ScriptHarness } from './script-harness.ts';

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

const attempt = fc.integer({ min: 0, max: MAX_ATTEMPTS + 1 });
/** Usually an event names the current attempt. */
const current = fc.constant('current' as const);
const event: fc.Arbitrary<Event<number | 'current'>> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), by: fc.constantFrom('a', 'b') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('start' as const), attempt: fc.oneof(current, attempt) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('finish' as const),
      attempt: fc.oneof(current, attempt),
      status: fc.constantFrom('succeeded' as const, 'failed' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      attempt: fc.oneof(current, attempt),
      forgiven: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'cancel' as const }) },
  // BullMQ delivers the job to a worker, or the lock of its worker expires.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('lock' as const), token: fc.constantFrom('', 't1', 't2') }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'sweep' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'overdue' as const }) },
);

const named = (given: Event<number | 'current'>, state: State): Event =>
  'attempt' in given && given.attempt === 'current' ? { ...given, attempt: state.attempts } : (given as Event);

describe('the states of a job', () => {
  it('never leave a terminal state and follow the table of moves', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let state = fresh();
        for (const each of events) {
          const next = apply(state, named(each, state), MAX_ATTEMPTS).state;
          if (next.status !== state.status) {
            // Returned to the queue and ended, or returned and claimed, in one script: two moves at once.
            const through = canMove(state.status, 'queued') && canMove('queued', next.status);
            expect(canMove(state.status, next.status) || through).toBe(true);
          }
          if (isTerminal(state.status)) expect(next.status).toBe(state.status);
          expect(next.attempts - next.forgiven).toBeLessThanOrEqual(MAX_ATTEMPTS);
          state = next;
        }
      }),
    );
  });

  it('are terminal or lead to an end', () => {
    for (const status of JOB_STATUSES) {
      expect(isTerminal(status)).toBe(JOB_STATUSES.every((to) => !canMove(status, to)));
    }
  });

  it('match the scripts, event by event', { timeout: 120_000 }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 25 }), async (events) => {
        const prefix = `{fq-${run++}}`;
        const by = new ScriptHarness(raw, prefix);
        const limits = { maxWaiting: 9, maxBlobBytes: 99, maxResultBytes: 99, maxOldestMs: 9e6 };
        await by.submit('j', { startTimeoutMs: 3_600_000, resultTtlMs: 60_000, limits, blob: Buffer.from('blob') });
        let state = fresh();
        for (const each of events) {
          const now = named(each, state);
          const { state: next, answer } = apply(state, now, MAX_ATTEMPTS);
          expect(await act(by, now), JSON.stringify(now)).toBe(answer);
          state = next;
          const [status, attempts] = await raw.hmget(`${prefix}:job:j`, 'status', 'attempts');
          expect({ status, attempts: Number(attempts) }, JSON.stringify(now)).toEqual({
            status: state.status,
            attempts: state.attempts,
          });
        }
        expect((await audit(redis.url, prefix)).findings).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

/** Runs the script of an event. @returns whether the request succeeded, as the model says */
async function act(by: ScriptHarness, event: Event): Promise<boolean> {
  const key = by.key('job:j');
  switch (event.kind) {
    case 'claim':
      return (await by.claim('j', MAX_ATTEMPTS)).job !== null;
    case 'start':
      return by.start('j', event.attempt);
    case 'finish':
      return by.finish('j', event.attempt, event.status, 'res');
    case 'release':
      return by.release('j', event.attempt, event.forgiven);
    case 'cancel':
      return by.cancel('j');
    case 'lock':
      await by.lock('bulk', 'j', event.token);
      return true;
    case 'sweep':
      // Live records only: ended ones would be erased.
      if (['queued', 'processing'].includes((await raw.hget(key, 'status')) ?? ''))
        await raw.zadd(by.key('due'), 0, 'j');
      await by.scripts.run(sweepScript, { max: 10 });
      return true;
    case 'overdue':
      if ((await raw.hget(key, 'status')) === 'queued') await raw.hset(key, 'expiresAt', 1);
      return true;
  }
}
