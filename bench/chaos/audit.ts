/** What is asked of the installation once all clients are done and all is well again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from '@facequeue/audit';
import { isFacequeueError } from '@facequeue/client';
import type { Fleet } from '../../test/support/fleet/fleet.ts';
import { type Caller, persist } from './clients/caller.ts';

/** Jobs asked for at a time. */
const LANES = 16;
/** After the last client is done, what nobody was promised may still run so long, ms. */
const QUIET_WITHIN_MS = 120_000;
/** Once its time is over, everything is swept within this, ms, and this more for each record. */
const SWEPT_WITHIN_MS = 60_000;
const SWEPT_MS_A_RECORD = 2;
/** An audit reads without a lock and is wrong about what is swept meanwhile; real drift stays. */
const AGREES_WITHIN_MS = 10_000;
/** However long one takes: of a hundred thousand records, most of a minute. */
const AUDITS_AT_LEAST = 3;
const LOOK_EVERY_MS = 250;

/** Keys that an installation has for good. */
const FIXED = /:(stats|first-start|workers|bull:\w+:(meta|id|events))$/;

/** Every promised job has ended as its client saw it, or was erased. */
export async function auditJobs(caller: Caller): Promise<void> {
  const { client, ledger } = caller;
  const entries = [...ledger.entries];
  const lane = async () => {
    for (let each = entries.pop(); each; each = entries.pop()) {
      const [id, { erased, kind }] = each;
      try {
        const job = await persist(caller, 'audit', (signal) => client.job(id, { signal }));
        if (erased) ledger.problem(`${id} was erased and is ${job.status}`);
        else if (job.finished_at !== null) ledger.sawJob('audit', job);
        else {
          ledger.lost += 1;
          ledger.problem(`${id} (${kind}) is still ${job.status}`);
        }
      } catch (error) {
        if (!isFacequeueError(error) || error.code !== 'gone') throw error;
        // The record of a frame is kept for a minute only; its end was seen by then, or by the camera's stream.
        if (erased || kind === 'frame') continue;
        ledger.lost += 1;
        ledger.problem(`${id} (${kind}) is gone`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Nothing waits and nothing runs any more, webhooks included. */
export async function untilQuiet({ inside, prefix }: Fleet): Promise<void> {
  const until = performance.now() + QUIET_WITHIN_MS;
  for (;;) {
    const lists = ['waiting:interactive', 'waiting:bulk', 'waiting:cameras', 'hosts'];
    const waiting = await Promise.all(lists.map((name) => inside.zcard(`${prefix}:${name}`)));
    const stats = await inside.hgetall(`${prefix}:stats`);
    const counts = Object.entries(stats).filter(([name]) => name === 'items' || name.startsWith('processing:'));
    if ([...waiting, ...counts.map(([, count]) => Number(count))].every((count) => count === 0)) return;
    if (performance.now() > until)
      throw new Error(`still going on: ${waiting} wait (${lists}), ${JSON.stringify(counts)}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Counters and lists agree with the records. @returns what does not */
export async function audited({ redis, prefix }: Fleet): Promise<string[]> {
  const until = performance.now() + AGREES_WITHIN_MS;
  for (let tries = 1; ; tries++) {
    const problems = (await audit(redis.url, prefix)).findings.map(({ text }) => text);
    if (problems.length === 0 || (tries >= AUDITS_AT_LEAST && performance.now() > until)) return problems;
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * Brings about the end of the time that everything is kept, and waits for the sweep: what then is left beside the keys that
 * an installation always has.
 */
export async function leftovers(fleet: Fleet): Promise<string[]> {
  const { inside, prefix } = fleet;
  const records = await inside.zcard(`${prefix}:due`);
  const until = performance.now() + SWEPT_WITHIN_MS + SWEPT_MS_A_RECORD * records;
  for (;;) {
    await passTime(fleet);
    const { keys, findings } = await audit(fleet.redis.url, prefix);
    const left = keys.filter((key) => !FIXED.test(key));
    if (left.length === 0) {
      const stats = await inside.hgetall(`${prefix}:stats`);
      const held = ['blobBytes', 'resultBytes', 'items'].filter((name) => Number(stats[name] ?? 0) !== 0);
      return [...findings.map(({ text }) => text), ...held.map((name) => `stats.${name} is ${stats[name]} of nothing`)];
    }
    if (performance.now() > until) return [...findings.map(({ text }) => text), ...left];
    await sleep(LOOK_EVERY_MS);
  }
}

/** Redis is the only clock, so the times that records have are moved instead. */
async function passTime({ inside, prefix }: Fleet): Promise<void> {
  const batches: string[] = [];
  const due = await inside.zrangebyscore(`${prefix}:due`, '-inf', '+inf');
  const pipeline = inside.pipeline();
  for (const id of due) {
    if (id.startsWith('batch-')) batches.push(id.slice('batch-'.length));
    if (id.startsWith('camera-')) pipeline.hset(`${prefix}:camera:${id.slice('camera-'.length)}`, 'lastFrameAt', 0);
    pipeline.zadd(`${prefix}:due`, 'XX', 0, id);
  }
  for (const id of batches) {
    // One that nobody closed closes itself; one that has ended is erased.
    pipeline.hset(`${prefix}:batch:${id}`, 'lastAppend', 0);
    if (await inside.hexists(`${prefix}:batch:${id}`, 'finishedAt'))
      pipeline.hset(`${prefix}:batch:${id}`, 'expiresAt', 0);
  }
  // Tombstones of erased jobs and batches have Redis' own time to live.
  for await (const keys of inside.scanStream({ match: `${prefix}:gone:*`, count: 1000 }))
    for (const key of keys as string[]) pipeline.pexpire(key, 1);
  await pipeline.exec();
}
