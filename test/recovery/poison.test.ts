import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerProcess } from '../../apps/worker/src/testing/worker-process.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../support/processes/installation.ts';
import { POISON } from './poison.ts';

const PORTRAIT = readFileSync(new URL('../images/portrait-1.jpg', import.meta.url));
const good = { bytes: new Uint8Array(PORTRAIT) };
const poisonous = { bytes: new Uint8Array(Buffer.concat([PORTRAIT, Buffer.from(POISON)])) };

let installation: Installation;
let gateway: GatewayProcess;
let worker: WorkerProcess;
beforeAll(async () => {
  installation = await startInstallation();
  gateway = await installation.gateway();
  const hook = new URL('./poison-hook.ts', import.meta.url);
  worker = await installation.worker({ ENGINES: '2', NODE_OPTIONS: `--import=${hook}` });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

describe('an image that makes its engine abort', () => {
  it('fails alone: 64 other images in flight succeed at their first attempt', { timeout: 180_000 }, async () => {
    const { client } = gateway;
    const jobs = await Promise.all(Array.from({ length: 65 }, (_, i) => client.submit(i === 20 ? poisonous : good)));
    const ended = await Promise.all(jobs.map(({ id }) => client.wait(id)));
    expect(ended[20]).toMatchObject({ status: 'failed', error: { code: 'engine_crashed' } });
    for (const job of ended.toSpliced(20, 1)) {
      expect(job).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(job.result!.Faces).toHaveLength(1);
    }
  });

  it('costs two engines, which are replaced', async () => {
    await expect.poll(() => worker.engines().length, { timeout: 20_000 }).toBe(2);
    expect(worker.log().match(/engine exited, restarting/g)).toHaveLength(2);
    expect((await gateway.client.detect(good)).Faces).toHaveLength(1);
  });
});
