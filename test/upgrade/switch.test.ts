/** A fleet is upgraded from the last release to the working tree and back, one process at a time, under load. */
import { fileURLToPath } from 'node:url';
import { audit } from '@facequeue/audit';
import { beforeAll, describe, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/index.ts';
import { type Fleet, MAINS, type Mains, startFleet } from '../support/fleet/fleet.ts';
import { CAMERA, Load } from './load.ts';
import { lastRelease, type Release } from './release.ts';
import { startWebServer } from './web-server.ts';

/** Detections that end between one replacement and the next. */
const BETWEEN = 6;

let release: Release;
beforeAll(async () => {
  release = await lastRelease();
});

async function replace(fleet: Fleet, load: Load, tier: 'gateway' | 'worker', mains: Mains): Promise<void> {
  for (const replica of tier === 'gateway' ? fleet.gateways : fleet.workers) {
    await replica.replace(mains[tier]);
    expect((await replica.up()).child.spawnargs).toContain(fileURLToPath(mains[tier]));
    await load.more(BETWEEN);
  }
}

describe('an upgrade from the last release and the downgrade, one process at a time', () => {
  it.each([
    ['gateways first', ['gateway', 'worker']],
    ['workers first', ['worker', 'gateway']],
  ] as const)('%s: loses nothing and fails no call', { timeout: 300_000 }, async (_, tiers) => {
    const image = await photographBytes('portrait-1.jpg');
    await using web = await startWebServer(image);
    const problems: string[] = [];
    await using fleet = await startFleet({
      replicas: 2,
      mains: release,
      env: { ENGINES: '1', RESULT_TTL: '1h', SHUTDOWN_GRACE: '20s', ...web.settings },
      onProblem: (problem) => void problems.push(problem),
      onEnded: () => {},
    });
    const load = new Load({ url: fleet.url, image, web });
    await load.start();
    await load.more(BETWEEN);
    for (const mains of [MAINS, release]) for (const tier of tiers) await replace(fleet, load, tier, mains);
    await load.end();

    expect(load.failures).toEqual([]);
    expect(problems).toEqual([]);
    for (const id of load.jobs) expect(await load.client.job(id)).toMatchObject({ id, status: 'succeeded' });
    expect(new Set(load.jobs).size).toBe(load.jobs.length);

    expect(load.itemResults.map(({ id }) => id).sort()).toEqual([...load.items].sort());
    expect(load.itemResults.filter(({ status }) => status !== 'succeeded')).toEqual([]);
    const counts = { total: load.items.length, succeeded: load.items.length };
    expect(await load.client.batch(load.batch)).toMatchObject({ status: 'finished', counts });

    // A frame whose connection broke may have arrived: one more than was acknowledged.
    const framesSeen = load.frameResults.map(({ job }) => job);
    expect(new Set(framesSeen).size).toBe(framesSeen.length);
    expect(framesSeen).toEqual(expect.arrayContaining(load.frames));
    expect(load.frameResults.filter(({ status }) => status !== 'succeeded')).toEqual([]);
    const { counts: frames } = await load.client.camera(CAMERA);
    expect(frames).toMatchObject({
      waiting: 0,
      processing: 0,
      succeeded: framesSeen.length,
      posted: framesSeen.length,
    });

    const expected = [...load.withWebhook, load.batch].map((id) => `msg_${id}`).sort();
    await expect.poll(() => [...web.webhooks.keys()].sort(), { timeout: 20_000 }).toEqual(expected);
    await expect
      .poll(async () => (await audit(fleet.redis.url, fleet.prefix)).findings, { timeout: 20_000 })
      .toEqual([]);
    const { requests, failedRequests } = load.requests;
    console.log(
      `${load.jobs.length} jobs, ${load.items.length} items, ${framesSeen.length} frames; ${failedRequests} of ${requests} requests were retried`,
    );
  });
});
