/** The checks at the end of a run, when all clients are done and all processes are up. */

import { audit } from '@facequeue/audit';
import { isFacequeueError } from '@facequeue/client';
import { sleep } from '@facequeue/time';
import type { Fleet } from '../../test/support/fleet/fleet.ts';
import { type Caller, retryCall } from './clients/caller.ts';

/** Jobs read at a time. */
const LANES = 16;
/** Jobs whose clients never received an id may still run for this long after the last client is done, ms. */
const QUIET_MS = 120_000;
/** Time to sweep everything that has expired, ms; more for each record. */
const SWEEP_MS = 60_000;
const SWEEP_MS_PER_RECORD = 2;
/** An audit reads without a lock, so records that are swept meanwhile seem inconsistent. A finding that is still there after this time is real, ms. */
const SETTLE_MS = 10_000;
/** Audits before a finding counts: one of a hundred thousand records may take longer than SETTLE_MS. */
const MIN_AUDITS = 3;
const POLL_EVERY_MS = 250;

/** Keys that an installation never deletes. */
const FIXED = /:(stats|first-start|workers|bull:\w+:(meta|id|events))$/;

/** Checks that every accepted job has ended as its client saw it, or was erased. */
export async function auditJobs(caller: Caller): Promise<void> {
  const { client, expectations } = caller;
  const entries = [...expectations.entries];
  const lane = async () => {
    for (let each = entries.pop(); each; each = entries.pop()) {
      const [id, { erased, kind }] = each;
      try {
        const job = await retryCall(caller, 'audit', (signal) => client.job(id, { signal }));
        if (erased) expectations.problem(`${id} was erased and is ${job.status}`);
        else if (job.finished_at !== null) expectations.observedJob('audit', job);
        else {
          expectations.lost += 1;
          expectations.problem(`${id} (${kind}) is still ${job.status}`);
        }
      } catch (error) {
        if (!isFacequeueError(error) || error.code !== 'gone') throw error;
        // The record of a frame is kept for a minute only. Its end was observed by then, or in the camera's stream.
        if (erased || kind === 'frame') continue;
        expectations.lost += 1;
        expectations.problem(`${id} (${kind}) no longer exists`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Waits until no job and no webhook is queued or active. */
export async function untilQuiet({ inside, prefix }: Fleet): Promise<void> {
  const until = performance.now() + QUIET_MS;
  for (;;) {
    const lists = ['waiting:interactive', 'waiting:bulk', 'waiting:cameras', 'hosts'];
    const queued = await Promise.all(lists.map((name) => inside.zcard(`${prefix}:${name}`)));
    const stats = await inside.hgetall(`${prefix}:stats`);
    const counts = Object.entries(stats).filter(([name]) => name === 'items' || name.startsWith('processing:'));
    if ([...queued, ...counts.map(([, count]) => Number(count))].every((count) => count === 0)) return;
    if (performance.now() > until) throw new Error(`not quiet: ${queued} queued (${lists}), ${JSON.stringify(counts)}`);
    await sleep(POLL_EVERY_MS);
  }
}

/** Audits until nothing is found, or the findings remain. @returns these */
export async function auditUntilSettled({ redis, prefix }: Fleet): Promise<string[]> {
  const until = performance.now() + SETTLE_MS;
  for (let tries = 1; ; tries++) {
    const findings = (await audit(redis.url, prefix)).findings.map(({ text }) => text);
    if (findings.length === 0 || (tries >= MIN_AUDITS && performance.now() > until)) return findings;
    await sleep(POLL_EVERY_MS);
  }
}

/** Makes everything expire and waits for the sweep. @returns keys and counts that should no longer exist, and the findings of an audit */
export async function leftovers(fleet: Fleet): Promise<string[]> {
  const { inside, prefix } = fleet;
  const records = await inside.zcard(`${prefix}:due`);
  const until = performance.now() + SWEEP_MS + SWEEP_MS_PER_RECORD * records;
  for (;;) {
    await expireAll(fleet);
    const { keys, findings } = await audit(fleet.redis.url, prefix);
    const left = keys.filter((key) => !FIXED.test(key));
    if (left.length === 0) {
      const stats = await inside.hgetall(`${prefix}:stats`);
      const retained = ['blobBytes', 'resultBytes', 'items'].filter((name) => Number(stats[name] ?? 0) !== 0);
      return [
        ...findings.map(({ text }) => text),
        ...retained.map((name) => `stats.${name} is ${stats[name]} without records`),
      ];
    }
    if (performance.now() > until) return [...findings.map(({ text }) => text), ...left];
    await sleep(POLL_EVERY_MS);
  }
}

/** Redis is the only clock, so the times in the records are moved into the past instead. */
async function expireAll({ inside, prefix }: Fleet): Promise<void> {
  const batches: string[] = [];
  const due = await inside.zrangebyscore(`${prefix}:due`, '-inf', '+inf');
  const pipeline = inside.pipeline();
  for (const id of due) {
    if (id.startsWith('batch-')) batches.push(id.slice('batch-'.length));
    if (id.startsWith('camera-')) pipeline.hset(`${prefix}:camera:${id.slice('camera-'.length)}`, 'lastFrameAt', 0);
    pipeline.zadd(`${prefix}:due`, 'XX', 0, id);
  }
  for (const id of batches) {
    // An open batch closes itself; one that has ended is erased.
    pipeline.hset(`${prefix}:batch:${id}`, 'lastAppend', 0);
    if (await inside.hexists(`${prefix}:batch:${id}`, 'finishedAt'))
      pipeline.hset(`${prefix}:batch:${id}`, 'expiresAt', 0);
  }
  // Tombstones of erased jobs and batches expire by Redis' own time to live.
  for await (const keys of inside.scanStream({ match: `${prefix}:gone:*`, count: 1000 }))
    for (const key of keys as string[]) pipeline.pexpire(key, 1);
  await pipeline.exec();
}
