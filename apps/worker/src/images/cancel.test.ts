/** Cancel, from a gateway's call to its effect on a worker process and its engines. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { startStallingServer } from '../../../../test/support/servers/stalling-server.ts';
import { freshInstallation } from '../testing/installation.ts';
import { freeze, startTestWorker, thaw } from '../testing/worker-process.ts';

const PORTRAIT = new Uint8Array(readFileSync(new URL('../../../../test/images/portrait-1.jpg', import.meta.url)));

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A gateway's queue and a worker. Its engines never time out here: only a cancel ends one. */
async function installation(env: Record<string, string>) {
  await using stack = new AsyncDisposableStack();
  const { queue, env: own, submit: submitJob } = stack.use(await freshInstallation(redis));
  const worker = stack.use(await startTestWorker({ ...own, ENGINE_TIMEOUT: '10m', ...env }));
  const submit = (url?: string) =>
    submitJob({ source: url ? { kind: 'url', url } : { kind: 'inline', bytes: PORTRAIT } });
  const status = async (id: string) => (await queue.read(id))?.status;
  const reaches = (id: string, expected: string) =>
    vi.waitFor(async () => expect(await status(id)).toBe(expected), { timeout: 30_000, interval: 2 });
  const kept = stack.move();
  return { queue, worker, submit, reaches, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

describe('a job that is canceled', () => {
  it('inside an engine kills that engine after half a second, and affects no other job', async () => {
    await using here = await installation({ ENGINES: '2' });
    const before = here.worker.engines();
    freeze(before);
    const [canceled, other] = [await here.submit(), await here.submit()];
    await Promise.all([here.reaches(canceled, 'processing'), here.reaches(other, 'processing')]);

    const at = performance.now();
    expect(await here.queue.cancel(canceled)).toMatchObject({ status: 'canceled' });
    const left = await vi.waitFor(
      () => {
        const alive = here.worker.engines().filter((pid) => before.includes(pid));
        expect(alive).toHaveLength(1);
        return alive[0]!;
      },
      { timeout: 20_000, interval: 5 },
    );
    expect(performance.now() - at).toBeGreaterThan(499);
    expect(performance.now() - at).toBeLessThan(10_000);

    thaw([left]);
    await here.reaches(other, 'succeeded');
    expect(await here.queue.read(other)).toMatchObject({ attempts: 1 });
    expect(await here.queue.read(canceled)).toMatchObject({ status: 'canceled', result: null, attempts: 1 });
    const next = [await here.submit(), await here.submit()];
    for (const id of next) {
      await here.reaches(id, 'succeeded');
      expect(await here.queue.read(id)).toMatchObject({ attempts: 1 });
    }
    await vi.waitFor(() => expect(here.worker.engines()).toHaveLength(2), { timeout: 20_000 });
    expect(here.worker.engines()).toContain(left);
    expect(here.worker.log()).toContain('engine killed for a canceled job');
  });

  it('waiting for an engine leaves the queue', async () => {
    await using here = await installation({ ENGINES: '1' });
    const engines = here.worker.engines();
    freeze(engines);
    const first = await here.submit();
    await here.reaches(first, 'processing');
    const queued = await here.submit();
    await expect.poll(() => here.queue.read(queued)).toMatchObject({ attempts: 1 });
    await here.queue.cancel(queued);
    // It is no longer among the active jobs, so the next one is claimed.
    const next = await here.submit();
    await expect.poll(() => here.queue.read(next)).toMatchObject({ attempts: 1 });
    thaw(engines);
    await Promise.all([here.reaches(first, 'succeeded'), here.reaches(next, 'succeeded')]);
    expect(await here.queue.read(queued)).toMatchObject({ status: 'canceled', startedAt: null });
    expect(here.worker.engines()).toEqual(engines);
  });

  it('while its image is fetched disconnects from the server at once', async () => {
    await using files = await startStallingServer(PORTRAIT);
    await using here = await installation({ ENGINES: '1', SOURCE_ALLOW: files.host });
    const id = await here.submit(files.url('/a.jpg'));
    await files.requested('/a.jpg');
    const canceled = performance.now();
    await here.queue.cancel(id);
    await files.disconnected('/a.jpg');
    // The fetch alone would end after SOURCE_TIMEOUT, 15 s.
    expect(performance.now() - canceled).toBeLessThan(10_000);
    expect(await here.queue.read(id)).toMatchObject({ status: 'canceled', startedAt: null });
  });
});
