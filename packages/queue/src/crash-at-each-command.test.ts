/** Processes that die between any two of the commands by which they submit and run: wherever it is, what was begun ends once or never was. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from './gateway-queue.ts';
import { newJobId } from './job/job-id.ts';
import type { Deed } from './testing/doomed-process.ts';
import { job, Rig } from './testing/rig.ts';

const PROGRAM = fileURLToPath(new URL('./testing/doomed-process.ts', import.meta.url));
/** Processes at a time. */
const LANES = 6;
/** More commands than any deed takes. */
const MOST = 60;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Runs a process that dies at its n-th command. @returns whether it lived: its deed takes fewer */
async function doom(rig: Rig, deed: Deed, nth: number, id: string): Promise<boolean> {
  const child = fork(PROGRAM, [rig.url, rig.prefix, deed, `${nth}`, id], { stdio: 'ignore' });
  const lived = once(child, 'message').then(() => true);
  const died = once(child, 'exit').then(() => false);
  try {
    return await Promise.race([lived, died]);
  } finally {
    child.kill('SIGKILL');
  }
}

/**
 * Kills the process before each of its commands, each time in an installation of its own.
 * @param prepare gives what the deed is about an id
 * @param check is called once another worker has been there
 */
async function atEachCommand(
  deed: Deed,
  prepare: (gateway: GatewayQueue) => Promise<string>,
  check: (gateway: GatewayQueue, id: string, lived: boolean) => Promise<void>,
): Promise<number> {
  let next = 1;
  let kills = 0;
  let over = false;
  const lane = async () => {
    while (!over && next <= MOST) {
      const nth = next++;
      await using rig = new Rig(redis.url);
      const gateway = await rig.gateway();
      const id = await prepare(gateway);
      using ends = await hear(rig);
      const lived = await doom(rig, deed, nth, id);
      if (lived) over = true;
      else kills += 1;
      await rig.finishing();
      await check(gateway, id, lived);
      await expect.poll(async () => (await audit(rig.url, rig.prefix)).findings, { timeout: 20_000 }).toEqual([]);
      expect(new Set(ends.ids).size, 'each end is published once').toBe(ends.ids.length);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  expect(over, `the deed lives with ${MOST} commands`).toBe(true);
  return kills;
}

/** Ids whose end is announced. */
async function hear(rig: Rig): Promise<{ ids: string[] } & Disposable> {
  const ids: string[] = [];
  const subscriber = new Redis(rig.url);
  subscriber.on('message', (_: string, message: string) => ids.push(message.split(' ')[0]!));
  await subscriber.subscribe(`${rig.prefix}:ended`);
  return { ids, [Symbol.dispose]: () => subscriber.disconnect() };
}

describe('a process that dies before any of its commands', () => {
  const fresh = async () => newJobId();
  /** Ended, or never there. */
  const endedOrNot = async (gateway: GatewayQueue, id: string, lived: boolean) => {
    const status = async () => (await gateway.read(id))?.status ?? 'none';
    await expect.poll(status, { timeout: 30_000 }).toMatch(lived ? /^succeeded$/ : /^(succeeded|none)$/);
  };

  it('while it submits: the job runs, or never existed', { timeout: 180_000 }, async () => {
    expect(await atEachCommand('submit', fresh, endedOrNot)).toBeGreaterThanOrEqual(2);
  });

  it('while it posts a frame: the frame is processed, or never existed', { timeout: 180_000 }, async () => {
    expect(await atEachCommand('post a frame', fresh, endedOrNot)).toBeGreaterThanOrEqual(2);
  });

  it('while it appends to a batch: all the items run, or none exists', { timeout: 180_000 }, async () => {
    const open = async (gateway: GatewayQueue) => {
      const id = newJobId();
      const { owner, requestId, options } = job();
      await gateway.batches.create({ id, owner, requestId, options, open: true });
      await gateway.batches.settle(id);
      return id;
    };
    const kills = await atEachCommand('append', open, async (gateway, id, lived) => {
      const counts = async () => (await gateway.batches.read(id, ''))!.counts;
      await expect.poll(async () => (await counts()).queued + (await counts()).processing, { timeout: 30_000 }).toBe(0);
      const { total, succeeded } = await counts();
      expect(succeeded).toBe(total);
      expect(lived ? [3] : [0, 3]).toContain(total);
    });
    expect(kills).toBeGreaterThanOrEqual(2);
  });

  it('while it runs a job: another process runs it to its end', { timeout: 180_000 }, async () => {
    const submitOne = async (gateway: GatewayQueue) => {
      const given = job();
      await gateway.submit(given);
      await gateway.submit(job());
      return given.id;
    };
    const kills = await atEachCommand('run a job', submitOne, async (gateway, id) => {
      const record = () => gateway.read(id);
      await expect.poll(async () => (await record())?.status, { timeout: 30_000 }).toBe('succeeded');
      expect((await record())!.attempts).toBeLessThanOrEqual(2);
    });
    // To be given it, claim, blob, start, finish, to be rid of it: each is a command at least.
    expect(kills).toBeGreaterThanOrEqual(6);
  });
});
