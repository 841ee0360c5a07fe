import { lookup as systemLookup } from 'node:dns/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DnsServer, startDnsServer, type Zone } from '../../../../test/support/servers/dns-server.ts';
import { lookupLimit, NameLookup, type NameLookupOptions } from './name-lookup.ts';

let folder: string;
const open: DnsServer[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facequeue-names-'));
});
afterEach(async () => {
  vi.useRealTimers();
  for (const server of open.splice(0)) await server[Symbol.asyncDispose]();
});
afterAll(() => rm(folder, { recursive: true }));

const V6 = '2001:0db8:0000:0000:0000:0000:0000:0001';

async function namesOf(
  zone: Zone,
  { hosts = '', resolvConf = '', ...options }: Partial<NameLookupOptions> & { hosts?: string } = {},
) {
  const server = await startDnsServer(zone);
  open.push(server);
  const [hostsFile, searchFile] = [join(folder, `hosts-${server.address}`), join(folder, `search-${server.address}`)];
  await writeFile(hostsFile, hosts);
  await writeFile(searchFile, resolvConf);
  const names = new NameLookup({
    limitMs: 5000,
    servers: [server.address],
    hostsFile,
    resolvConf: searchFile,
    ...options,
  });
  const addresses = async (name: string) => (await names.lookup(name)).map(({ address }) => address);
  return { server, names, addresses };
}

describe('a name', () => {
  it('has the addresses of both families, IPv4 first', async () => {
    const { names } = await namesOf({ 'photos.test': { A: ['192.0.2.1', '192.0.2.2'], AAAA: [V6] } });
    expect(await names.lookup('photos.test')).toEqual([
      { address: '192.0.2.1', family: 4 },
      { address: '192.0.2.2', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ]);
  });

  it('may have addresses of one family only', async () => {
    const { addresses } = await namesOf({ 'four.test': { A: ['192.0.2.1'] }, 'six.test': { AAAA: [V6] } });
    expect(await addresses('four.test')).toEqual(['192.0.2.1']);
    expect(await addresses('six.test')).toEqual(['2001:db8::1']);
  });

  it('does not wait for a family about which the server says nothing', async () => {
    const { addresses } = await namesOf({ 'four.test': { A: ['192.0.2.1'], AAAA: 'silent' } });
    const began = performance.now();
    expect(await addresses('four.test')).toEqual(['192.0.2.1']);
    expect(performance.now() - began).toBeLessThan(4500);
  });

  it('in the hosts file is not asked for', async () => {
    const { server, addresses } = await namesOf(
      {},
      { hosts: '# none\n192.0.2.7 Camera.test cam # the yard\n2001:db8::7 cam\n' },
    );
    expect(await addresses('camera.TEST')).toEqual(['192.0.2.7']);
    expect(await addresses('cam')).toEqual(['192.0.2.7', '2001:db8::7']);
    expect(server.questions).toEqual([]);
  });

  it('is found by DNS where the system has neither a hosts file nor a resolv.conf', async () => {
    const files = { hostsFile: join(folder, 'none'), resolvConf: join(folder, 'none') };
    const { addresses } = await namesOf({ 'photos.test': { A: ['192.0.2.1'] } }, files);
    expect(await addresses('photos.test')).toEqual(['192.0.2.1']);
  });

  it.each(['localhost', 'photos.localhost', 'LOCALHOST.'])('%s is this machine', async (name) => {
    const { server, addresses } = await namesOf({});
    expect(await addresses(name)).toEqual(['127.0.0.1', '::1']);
    expect(server.questions).toEqual([]);
  });

  it('that only contains localhost is looked up like any other', async () => {
    const { server, names } = await namesOf({});
    await expect(names.lookup('localhost.example.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(server.questions).toContain('A localhost.example.test');
  });

  it('is asked of the system’s name servers where none are given', async () => {
    const names = new NameLookup({ limitMs: 500 });
    await expect(names.lookup('nobody.invalid')).rejects.toMatchObject({ name: 'LookupError' });
  });

  it('is completed as resolv.conf says', async () => {
    const zone: Zone = { 'minio.photos.svc.test': { A: ['192.0.2.3'] }, 'a.b.c': { A: ['192.0.2.4'] } };
    const { server, addresses } = await namesOf(zone, {
      resolvConf: 'search photos.svc.test svc.test\noptions ndots:2\n',
    });
    expect(await addresses('minio.photos')).toEqual(['192.0.2.3']);
    expect(await addresses('a.b.c')).toEqual(['192.0.2.4']);
    expect(server.questions.filter((question) => question.startsWith('A '))).toEqual([
      'A minio.photos.photos.svc.test',
      'A minio.photos.svc.test',
      'A a.b.c',
    ]);
  });
});

describe('a look-up', () => {
  it.each<[string, Zone[string] | undefined, string]>([
    ['that nobody knows', undefined, 'ENOTFOUND'],
    ['without addresses', {}, 'ENOTFOUND'],
    ['whose server fails', 'failure', 'LOOKUP_FAILED'],
    ['whose server refuses to answer', 'refused', 'LOOKUP_FAILED'],
  ])('of a name %s ends with the reason', async (_, entry, code) => {
    const { names } = await namesOf(entry === undefined ? {} : { 'some.test': entry });
    await expect(names.lookup('some.test')).rejects.toMatchObject({ name: 'LookupError', code });
  });

  it.each<['A' | 'AAAA', string]>([
    ['AAAA', 'A'],
    ['A', 'AAAA'],
  ])('without %s addresses, about whose other family the server says nothing, is not called unknown', async (none) => {
    const silent = none === 'A' ? { AAAA: 'silent' as const } : { A: 'silent' as const };
    const { names } = await namesOf({ 'half.test': silent }, { limitMs: 400 });
    await expect(names.lookup('half.test')).rejects.toMatchObject({ code: 'LOOKUP_TIMEOUT' });
  });

  it('has nine tenths of the time for a connection, which may be unlimited', () => {
    expect(lookupLimit(3000)).toBe(2700);
    expect(lookupLimit(0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends when its time is over, and does not delay others', async () => {
    const zone: Zone = { 'good.test': { A: ['192.0.2.1'] } };
    for (let i = 0; i < 40; i++) zone[`silent-${i}.test`] = 'silent';
    const { names, addresses } = await namesOf(zone, { limitMs: 4000 });
    const began = performance.now();
    const silent = Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        expect(names.lookup(`silent-${i}.test`)).rejects.toMatchObject({ code: 'LOOKUP_TIMEOUT' }),
      ),
    );
    expect(await addresses('good.test')).toEqual(['192.0.2.1']);
    expect(performance.now() - began).toBeLessThan(3900);
    await silent;
    expect(performance.now() - began).toBeGreaterThan(3990);
    expect(performance.now() - began).toBeLessThan(10_000);
    // The threads that dns.lookup and files share are free.
    expect(await systemLookup('localhost')).toBeTruthy();
    expect(performance.now() - began).toBeLessThan(12_000);
  });

  it('is made once for several at a time, and again after five seconds', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { server, addresses } = await namesOf({ 'photos.test': { A: ['192.0.2.1'] } });
    await Promise.all(['photos.test', 'PHOTOS.test', 'photos.test'].map(addresses));
    expect(server.questions.toSorted()).toEqual(['A photos.test', 'AAAA photos.test']);
    server.zone = { 'photos.test': { A: ['192.0.2.9'] } };
    vi.advanceTimersByTime(4900);
    expect(await addresses('photos.test')).toEqual(['192.0.2.1']);
    vi.advanceTimersByTime(200);
    expect(await addresses('photos.test')).toEqual(['192.0.2.9']);
  });

  it('that failed is not repeated for five seconds either', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { server, names, addresses } = await namesOf({});
    await expect(names.lookup('new.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    server.zone = { 'new.test': { A: ['192.0.2.1'] } };
    vi.advanceTimersByTime(4900);
    await expect(names.lookup('NEW.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(server.questions).toHaveLength(2);
    vi.advanceTimersByTime(200);
    expect(await addresses('new.test')).toEqual(['192.0.2.1']);
  });

  it('of a thousand names at most is remembered', async () => {
    // However long they take, none is forgotten for its age.
    vi.useFakeTimers({ toFake: ['performance'] });
    const { server, names } = await namesOf({});
    const fail = (name: string) => names.lookup(name).catch(() => {});
    await fail('first.test');
    for (let i = 0; i < 999; i += 111) await Promise.all(Array.from({ length: 111 }, (_, j) => fail(`${i + j}.test`)));
    const asked = server.questions.length;
    await fail('first.test');
    expect(server.questions).toHaveLength(asked);
    await fail('one-more.test');
    await fail('998.test');
    expect(server.questions).toHaveLength(asked + 2);
    await fail('first.test');
    expect(server.questions).toHaveLength(asked + 4);
  });
});

describe('a name that only the system knows', () => {
  const found = [{ address: '192.0.2.5', family: 4 }];

  it('is one of multicast DNS, or one without dots that DNS does not know', async () => {
    const system = vi.fn(async () => found);
    const { server, addresses } = await namesOf({ 'known.test': {} }, { system });
    expect(await addresses('nas.local')).toEqual(['192.0.2.5']);
    expect(server.questions).toEqual([]);
    expect(await addresses('nas')).toEqual(['192.0.2.5']);
    expect(server.questions.toSorted()).toEqual(['A nas', 'AAAA nas']);
    await expect(addresses('nas.example.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(system.mock.calls).toEqual([['nas.local'], ['nas']]);
  });

  it('occupies one thread at most: others wait until it is free, or their time is over', async () => {
    const running: PromiseWithResolvers<typeof found>[] = [];
    const system = vi.fn(() => {
      const one = Promise.withResolvers<typeof found>();
      running.push(one);
      return one.promise;
    });
    const { addresses } = await namesOf({}, { system, limitMs: 3000 });
    const slow = ['a.local', 'b.local'].map((name) =>
      expect(addresses(name)).rejects.toMatchObject({ code: 'LOOKUP_TIMEOUT' }),
    );
    await Promise.all(slow);
    expect(system.mock.calls).toEqual([['a.local']]);
    const waiting = addresses('c.local');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(system).toHaveBeenCalledTimes(1);
    running[0]!.resolve(found);
    await expect.poll(() => system.mock.calls.length).toBe(2);
    running[1]!.resolve(found);
    expect(await waiting).toEqual(['192.0.2.5']);
  });

  it('is looked up by the C library', async () => {
    const { names } = await namesOf({});
    const name = hostname().split('.')[0]!;
    const expected = await systemLookup(name, { all: true }).catch(() => null);
    expect(await names.lookup(name).catch(() => null)).toEqual(expected);
  });

  it('may be unknown to it too', async () => {
    const system = () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
    const { names } = await namesOf({}, { system });
    await expect(names.lookup('nas.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});
