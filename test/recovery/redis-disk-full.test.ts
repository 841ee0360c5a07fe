/** Redis cannot write to its disk: nothing is accepted that could be lost, nothing accepted is lost, and the service recovers by itself. */

import { audit } from '@facequeue/audit';
import { createClient } from '@facequeue/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/index.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../support/processes/installation.ts';
import { type StallingServer, startStallingServer } from '../support/servers/stalling-server.ts';

let stalling: StallingServer;
let installation: Installation;
let gateway: GatewayProcess;

beforeAll(async () => {
  stalling = await startStallingServer(await photographBytes('portrait-1.jpg'));
  installation = await startInstallation({ SOURCE_ALLOW: stalling.host }, { appendonly: true, local: true });
  [gateway] = await Promise.all([installation.gateway(), installation.worker()]);
});
afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await stalling?.[Symbol.asyncDispose]();
});

it('refuses new jobs while the disk is full, and finishes all accepted ones once there is room', {
  timeout: 120_000,
}, async () => {
  const { client } = gateway;
  const patient = createClient({ baseUrl: gateway.url });
  const running = await client.submit({ url: stalling.url('/running') });
  await stalling.requested('/running');
  const queued = await Promise.all(Array.from({ length: 8 }, () => client.submit({ url: stalling.url('/later') })));
  const submission = () =>
    client.submit({ url: stalling.url('/new') }).then(
      ({ status }) => status,
      ({ code }) => code,
    );

  await installation.redis.fillDisk(true);
  // Redis notices at its next write. Writes acknowledged earlier stay in memory until there is room.
  await expect.poll(submission, { timeout: 20_000 }).toBe('unavailable');
  for (const path of ['/running', '/later', '/new']) stalling.release(path);
  // Reads still work.
  expect(await client.job(running.id)).toMatchObject({ finished_at: null });

  await installation.redis.fillDisk(false);
  for (const { id } of [running, ...queued]) expect(await patient.wait(id)).toMatchObject({ status: 'succeeded' });
  await expect.poll(submission, { timeout: 20_000 }).toBe('queued');
  const audited = () => audit(installation.redis.url, installation.prefix);
  await expect.poll(async () => Object.keys((await audited()).jobs), { timeout: 60_000 }).toEqual(['succeeded']);
  expect((await audited()).findings).toEqual([]);
});
