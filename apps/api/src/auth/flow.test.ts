import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  apiKeys,
  type CannedWorker,
  keyOf,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { flowOfAddress } from './flow.ts';
import { parseKeyEntry } from './keys.ts';

describe('the flow of an address', () => {
  it.each([
    ['192.0.2.1', 'ip:192.0.2.1'],
    ['192.0.2.1:50123', 'ip:192.0.2.1'],
    ['::ffff:192.0.2.1', 'ip:192.0.2.1'],
    ['::FFFF:c000:201', 'ip:192.0.2.1'],
    ['2001:db8:1:2::1', 'ip:2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', 'ip:2001:db8:1:2::/64'],
    ['[2001:db8:1:2::1]:443', 'ip:2001:db8:1:2::/64'],
    ['[2001:db8:1:2::1]', 'ip:2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', 'ip:2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'ip:fe80::/64'],
    ['::1', 'ip:::/64'],
  ])('%s is %s', (address, flow) => {
    expect(flowOfAddress(address)).toBe(flow);
  });

  it.each([
    undefined,
    '',
    'unknown',
    '_hidden',
    '192.0.2',
    '192.0.2.256',
    'a'.repeat(10_000),
    '192.0.2.1 or so',
    '\u0000',
  ])('that is none (%j) is one that all such share', (address) => {
    expect(flowOfAddress(address)).toBe('ip:unknown');
  });

  it('is never the name of a key', () => {
    const sha256 = '0'.repeat(64);
    expect(parseKeyEntry(`shop:${sha256}`)?.caller.flow).toBe('shop');
    expect(parseKeyEntry(`ip:192.0.2.1:${sha256}`)).toBeNull();
  });
});

describe('the flow of a call', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  /** The flows of a detection, a frame and an item, as a worker gets them. */
  async function flows(gateway: TestGateway, worker: CannedWorker, headers: Record<string, string>) {
    const before = worker.seen.length;
    for (const [path, type, body] of [
      ['/face_detection', 'image/png', 'image'],
      ['/cameras/gate/frames', 'image/png', 'image'],
      ['/batches', 'application/x-ndjson', '{"img":"YWJj"}'],
    ] as const) {
      const response = await fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': type, ...headers },
        body,
      });
      expect([path, response.ok]).toEqual([path, true]);
      await response.arrayBuffer();
    }
    await expect.poll(() => worker.seen.length, { timeout: 10_000 }).toBe(before + 3);
    return new Set(worker.seen.slice(before).map(({ job }) => job.flow));
  }

  const forwarded = (...addresses: string[]) => ({ 'x-forwarded-for': addresses.join(', ') });

  it.each([
    ['0', forwarded('198.51.100.7'), 'ip:127.0.0.1'],
    ['1', {}, 'ip:127.0.0.1'],
    ['1', forwarded('198.51.100.7'), 'ip:198.51.100.7'],
    // What a client sent comes before what the proxy added.
    ['1', forwarded('203.0.113.9', '198.51.100.7'), 'ip:198.51.100.7'],
    ['1', forwarded('198.51.100.7', 'nonsense'), 'ip:unknown'],
    ['2', forwarded('203.0.113.9', '198.51.100.7', '192.0.2.1'), 'ip:198.51.100.7'],
    [
      '2',
      { forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9', ...forwarded('2001:db8::7', '192.0.2.1') },
      'ip:2001:db8::/64',
    ],
  ])('without keys is its address: TRUST_PROXY=%s, %j: %s', async (TRUST_PROXY, headers, flow) => {
    await using gateway = await startTestGateway(redis.url, { TRUST_PROXY });
    await using worker = await startCannedWorker(gateway);
    expect(await flows(gateway, worker, headers)).toEqual(new Set([flow]));
    expect(worker.seen.map(({ job }) => job.owner)).toEqual(['', '', '']);
  });

  it('with a key is the name of the key, wherever it comes from', async () => {
    await using gateway = await startTestGateway(redis.url, { TRUST_PROXY: '1', API_KEYS: apiKeys('shop') });
    await using worker = await startCannedWorker(gateway);
    const headers = { 'x-api-key': keyOf('shop'), ...forwarded('198.51.100.7') };
    expect(await flows(gateway, worker, headers)).toEqual(new Set(['shop']));
  });

  it('gives no access, and takes none: a job is read from any address', async () => {
    await using gateway = await startTestGateway(redis.url, { TRUST_PROXY: '1' });
    await using _worker = await startCannedWorker(gateway);
    const detected = await fetch(`${gateway.url}/face_detection`, {
      method: 'POST',
      headers: { 'content-type': 'image/png', ...forwarded('198.51.100.7') },
      body: 'image',
    });
    await detected.arrayBuffer();
    const url = `${gateway.url}/jobs/${detected.headers.get('x-job-id')}`;
    expect((await fetch(url, { headers: forwarded('192.0.2.1') })).status).toBe(200);
  });
});
