/** Redis restarts without its data: live jobs are lost, their waiting callers get 410, and the same processes keep working. */

import { audit } from '@facequeue/audit';
import { createClient } from '@facequeue/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/index.ts';
import {
  acceptedBy,
  type GatewayProcess,
  type Installation,
  startInstallation,
} from '../support/processes/installation.ts';
import { type StallingServer, startStallingServer } from '../support/servers/stalling-server.ts';

let stalling: StallingServer;
let installation: Installation;
let gateway: GatewayProcess;

beforeAll(async () => {
  stalling = await startStallingServer(await photographBytes('portrait-1.jpg'));
  installation = await startInstallation(
    { SOURCE_ALLOW: stalling.host, SYNC_WAIT: '8s' },
    { appendonly: true, local: true },
  );
  [gateway] = await Promise.all([installation.gateway(), installation.worker()]);
});
afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await stalling?.[Symbol.asyncDispose]();
});

it('reports jobs and batches as gone, answers every caller, and keeps working', { timeout: 120_000 }, async () => {
  const client = createClient({ baseUrl: gateway.url });
  const status410 = { code: 'gone' };
  const running = await client.submit({ url: stalling.url('/running') });
  await stalling.requested('/running');
  const batch = await client.createBatch({ open: true });
  await client.appendItems(batch.id, [{ id: 'one', url: stalling.url('/item') }]);
  await stalling.requested('/item');
  // The worker has as many active jobs as it can: these two, and one more of each queue.
  await client.submit({ url: stalling.url('/another') });
  await stalling.requested('/another');
  const queued = await client.submit({ url: stalling.url('/queued') });

  const follow = async () => {
    for await (const _ of client.follow(queued.id));
  };
  const results = async () => {
    for await (const _ of client.results(batch.id, { follow: true }));
  };
  const rejections = Promise.all([
    expect(client.job(running.id, { waitMs: 8000 })).rejects.toMatchObject(status410),
    expect(follow()).rejects.toMatchObject(status410),
    expect(results()).rejects.toMatchObject(status410),
    // Its wait ends at its deadline, when the job is gone.
    expect(client.detect({ url: stalling.url('/call') })).rejects.toMatchObject({
      code: expect.stringMatching(/^(wait_timeout|gone)$/),
    }),
  ]);
  // Four jobs of clients; then the batch and the job of its item, too.
  await expect.poll(() => acceptedBy(gateway), { timeout: 20_000 }).toBe(4);
  expect(await installation.jobs()).toHaveLength(6);

  await installation.redis.lose();
  await installation.redis.restart();
  await rejections;
  for (const path of ['/running', '/item', '/another', '/queued', '/call']) stalling.release(path);
  await expect(client.job(queued.id)).rejects.toMatchObject(status410);

  stalling.release('/next');
  const next = await client.submit({ url: stalling.url('/next') });
  expect(await client.wait(next.id)).toMatchObject({ status: 'succeeded', attempts: 1, result: { Faces: [{}] } });
  const { findings, jobs } = await audit(installation.redis.url, installation.prefix);
  expect({ findings, jobs }).toEqual({ findings: [], jobs: { succeeded: 1 } });
});
