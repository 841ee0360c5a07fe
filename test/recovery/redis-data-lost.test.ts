/** Redis comes back without its data: what had not ended is gone, whoever waits for it is told so, and the same processes go on. */
import { createClient } from '@facequeue/client';
import { recount } from '@facequeue/queue/recount';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/index.ts';
import { type HeldServer, startHeldServer } from '../support/held-server.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../support/installation.ts';

let held: HeldServer;
let installation: Installation;
let gateway: GatewayProcess;

beforeAll(async () => {
  held = await startHeldServer(await photographBytes('portrait-1.jpg'));
  installation = await startInstallation(
    { SOURCE_ALLOW: held.host, SYNC_WAIT: '3s' },
    { appendonly: true, local: true },
  );
  [gateway] = await Promise.all([installation.gateway(), installation.worker()]);
});
afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await held?.[Symbol.asyncDispose]();
});

it('tells of jobs and batches that they are gone, lets nobody hang, and goes on', { timeout: 120_000 }, async () => {
  const client = createClient({ baseUrl: gateway.url });
  const gone = { code: 'gone' };
  const running = await client.submit({ url: held.url('/running') });
  await held.asked('/running');
  const batch = await client.createBatch({ open: true });
  await client.appendItems(batch.id, [{ id: 'one', url: held.url('/item') }]);
  await held.asked('/item');
  // The worker has all in hand that it takes at a time: these two, and one each of their queues.
  await client.submit({ url: held.url('/another') });
  await held.asked('/another');
  const queued = await client.submit({ url: held.url('/queued') });

  const follow = async () => {
    for await (const _ of client.follow(queued.id));
  };
  const results = async () => {
    for await (const _ of client.results(batch.id, { follow: true }));
  };
  const told = Promise.all([
    expect(client.job(running.id, { waitMs: 3000 })).rejects.toMatchObject(gone),
    expect(follow()).rejects.toMatchObject(gone),
    expect(results()).rejects.toMatchObject(gone),
    // It has waited as long as it may: what it was waiting for is gone by then.
    expect(client.detect({ url: held.url('/call') })).rejects.toMatchObject({
      code: expect.stringMatching(/^(wait_timeout|gone)$/),
    }),
  ]);
  // Four jobs of clients, the batch, and its item's.
  await expect.poll(() => installation.jobs()).toHaveLength(6);

  await installation.redis.lose();
  await installation.redis.restart();
  await told;
  for (const path of ['/running', '/item', '/another', '/queued', '/call']) held.release(path);
  await expect(client.job(queued.id)).rejects.toMatchObject(gone);

  held.release('/next');
  const next = await client.submit({ url: held.url('/next') });
  expect(await client.wait(next.id)).toMatchObject({ status: 'succeeded', attempts: 1, result: { Faces: [{}] } });
  const { problems, jobs } = await recount(installation.redis.url, installation.prefix);
  expect({ problems, jobs }).toEqual({ problems: [], jobs: { succeeded: 1 } });
});
