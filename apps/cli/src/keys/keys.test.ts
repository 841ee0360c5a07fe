import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestGateway } from '../../../../test/support/gateway/index.ts';
import { startRedis } from '../../../../test/support/redis/test-redis.ts';
import { facequeue } from '../testing/facequeue.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-keys-'));
  path = join(folder, 'keys.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const keys = (...args: string[]) => facequeue(['keys', ...args], { API_KEYS_FILE: path });
const written = () => JSON.parse(readFileSync(path, 'utf8')).keys;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const PAST = '2026-01-01T00:00:00.000Z';

describe('facequeue keys', () => {
  it('makes a key that a gateway accepts, replaces it with an overlap and without, and takes it away', async () => {
    const redis = await startRedis();
    await using _redis = { [Symbol.asyncDispose]: async () => void (await redis.stop()) };
    expect((await keys('add', 'other')).code).toBe(0);
    await using gateway = await startTestGateway(redis.url, { API_KEYS_FILE: path });
    const statuses = async (...secrets: string[]) => {
      await gateway.reloadKeys();
      const call = (key: string) => fetch(`${gateway.url}/cameras`, { headers: { 'x-api-key': key.trim() } });
      return Promise.all(secrets.map(async (secret) => (await call(secret)).status));
    };
    const first = await keys('add', 'shop', '--scopes', 'cameras,jobs');
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^fq_[\w-]{32}\n$/) });
    expect(await statuses(first.stdout)).toEqual([200]);
    const second = await keys('rotate', 'shop', '--overlap', '1h');
    expect(second.stderr).toMatch(/old one is accepted until 20/);
    expect(await statuses(first.stdout, second.stdout)).toEqual([200, 200]);
    const third = await keys('rotate', 'shop');
    expect(await statuses(first.stdout, second.stdout, third.stdout)).toEqual([401, 401, 200]);
    expect(await keys('revoke', 'shop')).toEqual({ code: 0, stdout: '', stderr: 'Revoked the key shop.\n' });
    expect(await statuses(first.stdout, third.stdout)).toEqual([401, 401]);
    expect(written()).toHaveLength(1);
  });

  it('writes the hash of the key and what was asked for, in a file that only its user reads', async () => {
    const { stdout } = await keys('add', 'shop', '--expires', '2027-01-31T01:00:00+01:00', '--scopes', 'admin,admin');
    expect(written()).toEqual([
      { name: 'shop', sha256: sha256(stdout.trim()), scopes: ['admin'], expires_at: '2027-01-31T00:00:00.000Z' },
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o640);
    await keys('add', 'archive');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(written().map(({ name }: { name: string }) => name)).toEqual(['shop', 'archive']);
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('writes the limits, and lists them', async () => {
    await keys(
      'add',
      'shop',
      '--scopes',
      'detect',
      '--rate',
      '50/1s',
      '--burst',
      '100',
      '--concurrent',
      '64',
      '--waiting',
      '500',
    );
    expect(written()[0]).toMatchObject({ rate: { requests: 50, per: '1s', burst: 100 }, concurrent: 64, waiting: 500 });
    await keys(
      'add',
      'slow',
      '--scopes',
      'detect',
      '--rate',
      '3/2m',
      '--max-image-bytes',
      '5000',
      '--sources',
      'url,s3',
      '--weight',
      '0.5',
    );
    expect(written()[1]).toMatchObject({
      rate: { requests: 3, per: '2m' },
      max_image_bytes: 5000,
      sources: ['url', 's3'],
      weight: 0.5,
    });
    expect(written()[0]).not.toHaveProperty('weight');
    expect((await keys('list')).stdout).toBe(
      'shop\tdetect\t50/1s, burst 100\t64 concurrent\t500 waiting\nslow\tdetect\t3/2m\tweight 0.5\t5000 bytes\tfrom url,s3\n',
    );
  });

  it('lists the keys without their hashes', async () => {
    const expired = { name: 'late', sha256: 'a'.repeat(64), expires_at: PAST };
    const previous = [{ sha256: 'c'.repeat(64), expires_at: PAST }];
    writeFileSync(
      path,
      JSON.stringify({ keys: [expired, { name: 'shop', sha256: 'b'.repeat(64), scopes: ['jobs'], previous }] }),
    );
    expect(await keys('list')).toEqual({
      code: 0,
      stdout: `late\tdetect,jobs,batches,cameras,metrics\texpired ${PAST}\nshop\tjobs\n`,
      stderr: '',
    });
    expect(JSON.parse((await keys('list', '--json')).stdout)).toEqual({
      keys: [
        { name: 'late', expires_at: PAST },
        { name: 'shop', scopes: ['jobs'], previous: [{ expires_at: PAST }] },
      ],
    });
  });

  it('without an overlap ends every secret that the key had', async () => {
    const previous = [{ sha256: 'c'.repeat(64), expires_at: '2999-01-01T00:00:00Z' }];
    writeFileSync(path, JSON.stringify({ keys: [{ name: 'shop', sha256: 'b'.repeat(64), previous }] }));
    const { stderr } = await keys('rotate', 'shop');
    expect(stderr).toContain('all before it are revoked');
    expect(Object.keys(written()[0])).toEqual(['name', 'sha256']);
  });

  it('change the file to which a link points', async () => {
    await keys('add', 'shop');
    const link = `${path}.link`;
    symlinkSync(path, link);
    expect((await keys('revoke', 'shop', '--file', link)).code).toBe(0);
    expect(written()).toEqual([]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    rmSync(link);
  });

  it('forgets a replaced secret whose time is over when the key is replaced again', async () => {
    const previous = [{ sha256: 'c'.repeat(64), expires_at: PAST }];
    writeFileSync(path, JSON.stringify({ keys: [{ name: 'shop', sha256: 'b'.repeat(64), previous }] }));
    expect((await keys('rotate', 'shop', '--overlap', '1h')).code).toBe(0);
    expect(written()[0].previous).toMatchObject([{ sha256: 'b'.repeat(64) }]);
    expect(written()[0].previous).toHaveLength(1);
  });

  it.each([
    [['add', 'shop'], /there is a key called shop/],
    [['add', 'a b'], /expected 1 to 64 letters/],
    [['add', 'fast', '--rate', '50/2d'], /keys\[1\]\.rate\.per: expected a period/],
    [['add', 'heavy', '--weight', '101'], /keys\[1\]\.weight: expected a number from 0\.1 to 100/],
    [['revoke', 'nobody'], /there is no key called nobody/],
    [['rotate', 'nobody'], /there is no key called nobody/],
  ])('refuses %j with 1 and leaves the file as it is', async (args, message) => {
    await keys('add', 'shop');
    const before = readFileSync(path, 'utf8');
    const { code, stdout, stderr } = await keys(...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('changes no file that it cannot use, that is missing, or that another one is changing', async () => {
    for (const args of [['list'], ['revoke', 'shop'], ['rotate', 'shop']])
      expect(await keys(...args)).toMatchObject({ code: 1, stderr: `${path} cannot be read: ENOENT\n` });
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, '{"keys":[{"name":"shop"}]}');
    expect((await keys('add', 'archive')).stderr).toMatch(/keys\.json cannot be used: keys\[0\]\.sha256/);
    writeFileSync(path, '{"keys":[]}');
    writeFileSync(`${path}.new`, '');
    expect((await keys('add', 'archive')).stderr).toMatch(/another change is in progress/);
    expect([readFileSync(path, 'utf8'), existsSync(`${path}.new`)]).toEqual(['{"keys":[]}', true]);
    path = join(folder, 'nowhere', 'keys.json');
    expect(await keys('add', 'shop')).toMatchObject({ code: 1, stderr: `${path} cannot be written: ENOENT\n` });
  });

  it.each([
    [['add', 'shop', '--scopes', 'detects'], /Expected some of detect, jobs/],
    [['add', 'shop', '--expires', 'tomorrow'], /Expected a time/],
    [['add', 'shop', '--rate', '50'], /Expected calls and a period/],
    [['add', 'shop', '--burst', '5'], /needs --rate/],
    [['add', 'shop', '--concurrent', '0'], /Expected a whole number/],
    [['add', 'shop', '--waiting', '1.5'], /Expected a whole number/],
    [['add', 'shop', '--weight', 'heavy'], /Expected a number/],
    [['add', 'shop', '--sources', 'ftp'], /Expected some of inline, url, s3/],
    [['rotate', 'shop', '--overlap', '1w'], /Expected a duration/],
    [['rotate', 'shop', '--overlap', '366d'], /at most 365d/],
  ])('does not understand %j', async (args, message) => {
    const { code, stderr } = await keys(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('needs a file, from the option or the environment', async () => {
    expect(await facequeue(['keys', 'list'], { API_KEYS_FILE: '' })).toMatchObject({
      code: 2,
      stderr: 'error: name the file with --file or API_KEYS_FILE\n',
    });
    await keys('add', 'shop');
    expect((await facequeue(['keys', 'list', '--file', path], { API_KEYS_FILE: '' })).stdout).toMatch(/^shop\t/);
  });
});
