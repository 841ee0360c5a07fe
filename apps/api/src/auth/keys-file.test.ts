/** API_KEYS_FILE and what becomes of its changes. */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { ConfigError } from '@facequeue/schema/config';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  apiKeys,
  keyOf,
  startCannedWorker,
  startGatewayPair,
  startTestGateway,
  type TestGateway,
  TestKeysFile,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';
import { KeysFile } from './keys-file.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const of = (name: string) => ({ 'x-api-key': keyOf(name) });
const system = async (gateway: TestGateway, name: string) =>
  (await fetch(`${gateway.url}/system`, { headers: of(name) })).status;
/** A change must be noticed within a second or two. */
const SOON = { timeout: 10_000 };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('a start', () => {
  it.each([
    ['is missing', null, /ENOENT$/],
    ['is not JSON', 'shop:abc', /it is not JSON$/],
    ['has an entry that is wrong', '{"keys":[{"name":"shop"}]}', /keys\[0\]\.sha256: expected/],
  ])('fails when the file %s', async (_, text, reason) => {
    using file = new TestKeysFile();
    if (text === null) rmSync(file.path);
    else file.writeText(text);
    const started = startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    await expect(started).rejects.toThrow(ConfigError);
    await expect(started).rejects.toThrow(reason);
  });

  it('fails when the file has a name or a key of API_KEYS', async () => {
    using file = new TestKeysFile({ name: 'shop', sha256: sha256('other') });
    const env = { API_KEYS: apiKeys('shop'), API_KEYS_FILE: file.path };
    await expect(startTestGateway(redis.url, env)).rejects.toThrow(/two keys called shop/);
    file.write({ name: 'archive', sha256: sha256(keyOf('shop')) });
    await expect(startTestGateway(redis.url, env)).rejects.toThrow(/sha256 of a key of API_KEYS/);
  });

  it('with a file serves beyond loopback without ALLOW_OPEN, and nobody while it has no keys', async () => {
    using file = new TestKeysFile();
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path, HOST: '0.0.0.0' });
    expect((await fetch(`${gateway.url}/system`)).status).toBe(401);
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
  });
});

describe('a file that exists and cannot be read', () => {
  it('is read again at every check, although it stays as it is', async () => {
    using folder = new TestKeysFile();
    rmSync(folder.path);
    mkdirSync(folder.path);
    const file = new KeysFile(folder.path);
    await expect(file.read()).rejects.toThrow(/EISDIR/);
    expect(await file.hasChanged()).toBe(true);
  });

  it('that is read and wrong is not', async () => {
    using wrong = new TestKeysFile();
    wrong.writeText('shop:abc');
    const file = new KeysFile(wrong.path);
    await expect(file.read()).rejects.toThrow(/not JSON/);
    expect(await file.hasChanged()).toBe(false);
  });
});

describe('a key of API_KEYS', () => {
  it('is served beside those of the file, by everything but what needs admin', async () => {
    using file = new TestKeysFile({ name: 'archive' });
    await using gateway = await startTestGateway(redis.url, { API_KEYS: apiKeys('shop'), API_KEYS_FILE: file.path });
    expect([await system(gateway, 'shop'), await system(gateway, 'archive')]).toEqual([200, 200]);
    file.write();
    await gateway.reloadKeys();
    expect([await system(gateway, 'shop'), await system(gateway, 'archive')]).toEqual([200, 401]);
  });
});

describe('a change of the file', () => {
  it('is noticed without a signal', async () => {
    using file = new TestKeysFile({ name: 'anna' });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    expect([await system(gateway, 'anna'), await system(gateway, 'ben')]).toEqual([200, 401]);
    file.write({ name: 'ben' });
    await expect.poll(() => system(gateway, 'ben'), SOON).toBe(200);
    expect(await system(gateway, 'anna')).toBe(401);
    expect(gateway.lines).toContainEqual(expect.objectContaining({ msg: 'API_KEYS_FILE read', keys: 1 }));
  });

  it.each([
    ['that is no keys file', (file: TestKeysFile) => file.writeText('{"keys":[{"name":"ben"}]}')],
    ['that deletes it', (file: TestKeysFile) => rmSync(file.path)],
    [
      'that names a key of API_KEYS',
      (file: TestKeysFile) => file.write({ name: 'ben' }, { name: 'shop', sha256: sha256('x') }),
    ],
  ])('%s leaves the keys before in force, is logged once, and ends with the next good one', async (_, spoil) => {
    using file = new TestKeysFile({ name: 'anna' });
    await using gateway = await startTestGateway(redis.url, { API_KEYS: apiKeys('shop'), API_KEYS_FILE: file.path });
    spoil(file);
    const complaints = () => gateway.lines.filter(({ level }) => level === 'error');
    await expect.poll(complaints, SOON).toHaveLength(1);
    expect(complaints()[0]).toMatchObject({ msg: expect.stringContaining('keys read before stay in force') });
    expect([await system(gateway, 'anna'), await system(gateway, 'ben')]).toEqual([200, 401]);
    file.write({ name: 'ben' });
    await expect.poll(() => system(gateway, 'ben'), SOON).toBe(200);
    expect(complaints()).toHaveLength(1);
  });
});

describe('weights of keys', () => {
  /** A connection to the test's Redis, and the weights that scripts use. */
  function connect() {
    const raw = new Redis(redis.url, { retryStrategy: () => 50 });
    raw.on('error', () => {});
    const weights = (gateway: TestGateway) => raw.hgetall(`${gateway.prefix}:weights`);
    return { raw, weights, [Symbol.dispose]: () => raw.disconnect() };
  }

  it('that have changed in the file decide the turns of jobs that wait already', async () => {
    using file = new TestKeysFile({ name: 'anna' }, { name: 'ben' });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    using by = connect();
    const submit = (name: string) =>
      fetch(`${gateway.url}/face_detection`, {
        method: 'POST',
        headers: { ...of(name), 'content-type': 'image/png', prefer: 'respond-async' },
        body: 'image',
      });
    for (let i = 0; i < 40; i++) for (const name of ['anna', 'ben']) expect((await submit(name)).status).toBe(202);
    file.write({ name: 'anna', weight: 3 }, { name: 'ben' });
    await gateway.reloadKeys();
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '3' });
    await using worker = await startCannedWorker(gateway);
    await expect.poll(() => worker.seen.length, { timeout: 20_000 }).toBe(80);
    const first = worker.seen.slice(0, 20).filter(({ job }) => job.owner === 'anna').length;
    expect(first).toBeGreaterThanOrEqual(13);
    expect(first).toBeLessThanOrEqual(17);
  });

  it('are known from the start on, and no longer when a key is revoked or has 1', async () => {
    using file = new TestKeysFile(
      { name: 'anna', weight: 3, previous: [{ sha256: sha256('old'), expires_at: '2099-01-01T00:00:00Z' }] },
      { name: 'ben', weight: 0.5 },
      { name: 'carl', weight: 2 },
    );
    await using gateway = await startTestGateway(redis.url, { API_KEYS: apiKeys('shop'), API_KEYS_FILE: file.path });
    using by = connect();
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '3', ben: '0.5', carl: '2' });
    file.write({ name: 'ben', weight: 1 }, { name: 'carl', weight: 2 });
    await gateway.reloadKeys();
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ carl: '2' });
  });

  it('are left alone by gateways with the same file and by one without keys', async () => {
    using file = new TestKeysFile({ name: 'anna', weight: 3 });
    await using pair = await startGatewayPair(redis.url, { API_KEYS_FILE: file.path });
    await using open = await startTestGateway(redis.url, { QUEUE_PREFIX: pair[0].prefix });
    using by = connect();
    await expect.poll(() => by.weights(open), SOON).toEqual({ anna: '3' });
    file.write({ name: 'anna', weight: 4 });
    for (const gateway of [...pair, ...pair]) {
      await gateway.reloadKeys();
      await expect.poll(() => by.weights(open), SOON).toEqual({ anna: '4' });
    }
    // An open gateway that connects again sets nothing either.
    await by.raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (const gateway of [...pair, open]) await expect.poll(() => gateway.queue.ping(), SOON).toBeUndefined();
    expect(await by.weights(open)).toEqual({ anna: '4' });
  });

  it('that Redis refuses are sent again until it takes them', async () => {
    using file = new TestKeysFile({ name: 'anna', weight: 3 });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    using by = connect();
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '3' });
    await by.raw.call('ACL', 'SETUSER', 'default', '-hset');
    try {
      file.write({ name: 'anna', weight: 4 });
      await gateway.reloadKeys();
      // The script has removed those before, and then failed.
      await expect.poll(() => by.weights(gateway), SOON).toEqual({});
    } finally {
      await by.raw.call('ACL', 'SETUSER', 'default', '+hset');
    }
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '4' });
  });

  it('are known to a Redis that was away when they changed, and to one that has lost them', async () => {
    using file = new TestKeysFile({ name: 'anna', weight: 3 });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    using by = connect();
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '3' });
    await redis.kill();
    file.write({ name: 'anna', weight: 4 });
    await gateway.reloadKeys();
    await redis.restart();
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '4' });
    await by.raw.del(`${gateway.prefix}:weights`);
    await by.raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => by.weights(gateway), SOON).toEqual({ anna: '4' });
  });
});

describe('a secret that was replaced', () => {
  it('is accepted for the same owner until its time, and never longer than the key', async () => {
    const previous = (expires_at: string) => [{ sha256: sha256('old'), expires_at }];
    const [past, future] = ['2026-01-01T00:00:00Z', '2099-01-01T00:00:00Z'];
    using file = new TestKeysFile({ name: 'anna', previous: previous(future) });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    const old = async () => (await fetch(`${gateway.url}/cameras`, { headers: { 'x-api-key': 'old' } })).status;
    const frame = { method: 'POST', headers: { ...of('anna'), 'content-type': 'image/png' }, body: 'image' };
    expect((await fetch(`${gateway.url}/cameras/gate/frames`, frame)).status).toBe(202);
    const cameras = await fetch(`${gateway.url}/cameras/gate`, { headers: { 'x-api-key': 'old' } });
    expect(cameras.status).toBe(200);
    file.write({ name: 'anna', previous: previous(past) });
    await gateway.reloadKeys();
    expect(await old()).toBe(401);
    file.write({ name: 'anna', previous: previous(future), expires_at: past });
    await gateway.reloadKeys();
    expect(await old()).toBe(401);
  });
});

describe('a stream', () => {
  async function openStream(gateway: TestGateway, name: string) {
    const stream = await readEvents(`${gateway.url}/cameras/gate/events`, of(name));
    expect(await stream.next()).toHaveProperty('retry');
    const cutOff = stream.rest().then(
      () => {},
      () => {},
    );
    return { cutOff, [Symbol.dispose]: () => stream[Symbol.dispose]() };
  }

  it('is cut off when its key is revoked, while that of another key goes on', async () => {
    using file = new TestKeysFile({ name: 'anna' }, { name: 'ben' });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    using stream = await openStream(gateway, 'anna');
    const job = await fetch(`${gateway.url}/face_detection`, {
      method: 'POST',
      headers: { ...of('ben'), 'content-type': 'image/png', prefer: 'respond-async' },
      body: 'image',
    });
    const path = gateway.url + job.headers.get('location');
    const other = await fetch(`${path}/events`, { headers: of('ben') });
    file.write({ name: 'ben' });
    await gateway.reloadKeys();
    await stream.cutOff;
    await fetch(`${path}/cancel`, { method: 'POST', headers: of('ben') });
    expect(await other.text()).toMatch(/^event: job$/m);
  });

  it('is cut off when its key expires', async () => {
    using file = new TestKeysFile({ name: 'anna' });
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
    using stream = await openStream(gateway, 'anna');
    // Set when the stream is open: a machine that stops for seconds before that would find a key that has expired.
    const expiresAt = Date.now() + 1500;
    file.write({ name: 'anna', expires_at: new Date(expiresAt).toISOString() });
    await gateway.reloadKeys();
    await stream.cutOff;
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
    expect(await system(gateway, 'anna')).toBe(401);
  });
});
