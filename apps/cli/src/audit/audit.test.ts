import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { TestHome } from '../serve/testing/running.ts';
import { facequeue } from '../testing/facequeue.ts';

let redis: TestRedis;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  const response = await fetch(`${gateway.url}/face_detection`, {
    method: 'POST',
    headers: { prefer: 'respond-async', 'content-type': 'image/png' },
    body: Buffer.from('89504e470d0a1a0a', 'hex'),
  });
  expect(response.status).toBe(202);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await redis?.stop();
});

describe('audit', () => {
  it('finds nothing in a consistent installation and exits with 0', async () => {
    const found = await facequeue(['audit', '--redis', redis.url, '--prefix', gateway.prefix]);
    expect(found).toEqual({ code: 0, stdout: '', stderr: '1 job, 0 findings.\n' });
  });

  it('prints a finding a line, or all of them as JSON, and exits with 1', async () => {
    execFileSync('redis-cli', ['-p', String(redis.port), 'HINCRBY', `${gateway.prefix}:stats`, 'blobBytes', '5']);
    const env = { REDIS_URL: redis.url, QUEUE_PREFIX: gateway.prefix };
    const { findings, jobs } = JSON.parse((await facequeue(['audit', '--json'], env)).stdout);
    expect(findings).toMatchObject([{ kind: 'total', subject: 'stats.blobBytes' }]);
    expect(findings[0].found - findings[0].expected).toBe(5);
    expect(jobs).toEqual({ queued: 1 });
    expect(await facequeue(['audit'], env)).toEqual({
      code: 1,
      stdout: `${findings[0].text}\n`,
      stderr: '1 job, 1 finding.\n',
    });
  });

  it('names a bad prefix and exits with 2', async () => {
    const { code, stderr } = await facequeue(['audit', '--prefix', 'fq']);
    expect(stderr).toMatch(/QUEUE_PREFIX is "fq"; expected a name in braces/);
    expect(code).toBe(2);
  });

  it('says that Redis cannot be used, without its password', async () => {
    const { code, stderr } = await facequeue(['audit', '--redis', 'redis://:secret@127.0.0.1:1']);
    expect(stderr).toBe('Redis at 127.0.0.1:1 cannot be used: nothing is listening there\n');
    expect(code).toBe(1);
  });

  it('finds the private Redis of serve by itself', async () => {
    await using home = new TestHome();
    await home.start().ready();
    const found = await facequeue(['audit', '--json'], { REDIS_URL: '', FACEQUEUE_HOME: home.folder });
    expect(JSON.parse(found.stdout)).toEqual({ findings: [], jobs: {} });
    expect(found.code).toBe(0);
  });

  it('says where it looked when there is no Redis', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-audit-'));
    try {
      const { code, stderr } = await facequeue(['audit'], { REDIS_URL: '', FACEQUEUE_HOME: folder });
      expect(stderr).toBe(`there is no private Redis in ${folder}: name one with --redis or REDIS_URL\n`);
      expect(code).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
