import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { addressIn, carrierV6, SPECIAL_V4, SPECIAL_V6, writtenV4, writtenV6 } from './addresses.arbitrary.ts';
import { parseAllowEntry, parseOnlyEntry } from './allow-list.ts';
import { createGuard } from './guard.ts';
import { OwnAddresses } from './own-addresses.ts';
import { readAddress } from './public-address.ts';

/** A machine with loopback addresses only. */
const NOWHERE = { has: () => false };
const guard = createGuard({ allow: [], only: [] }, NOWHERE);
const admits = (address: string) => guard.refusal(address, 443, address) === null;

/** The host as the connector gets it: normalized by the URL parser, without brackets. */
const hostOf = (written: string) => new URL(`http://${written}/`).hostname.replace(/^\[|\]$/g, '');

describe('without an allow-list', () => {
  it('refuses every special IPv4 address, however it is written', () => {
    fc.assert(
      fc.property(
        addressIn(SPECIAL_V4).chain((v4) => writtenV4(v4)),
        (written) => !admits(hostOf(written)),
      ),
      { numRuns: 5000 },
    );
  });

  it('refuses every special IPv6 address, however it is written', () => {
    fc.assert(
      fc.property(
        addressIn(SPECIAL_V6).chain((v6) => writtenV6(v6)),
        fc.constantFrom('', '%eth0', '%eth0.100', '%1'),
        (written, zone) => !admits(hostOf(`[${written}]`)) && !admits(written + zone),
      ),
      { numRuns: 5000 },
    );
  });

  it('refuses every special IPv4 address inside an IPv6 address of any form', () => {
    fc.assert(
      fc.property(
        addressIn(SPECIAL_V4).chain((v4) => carrierV6(v4).chain(writtenV6)),
        (written) => !admits(hostOf(`[${written}]`)),
      ),
      { numRuns: 5000 },
    );
  });

  it('refuses text that is not an address', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!ipaddr.isValid(text));
        return !admits(text);
      }),
    );
  });

  it.each([
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    '::',
    '10.1.2.3',
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'fd00:ec2::254',
    'fe80::1%eth0',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '168.63.129.16',
  ])('refuses %s', (address) => expect(admits(address)).toBe(false));

  it.each([
    '1.1.1.1',
    '93.184.215.14',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450:4001:800::200e',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
  ])('admits %s', (address) => expect(admits(address)).toBe(true));

  it('admits every IPv4 address outside the special ranges', () => {
    const special = ['192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.175.48.0/24', ...SPECIAL_V4].map(
      (range) => ipaddr.IPv4.parseCIDR(range),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        const address = new ipaddr.IPv4([...bytes]);
        fc.pre(!special.some((range) => address.match(range)));
        return admits(address.toString());
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the allow-list', () => {
  const allows = (entries: string, host: string, port: number, address: string) =>
    createGuard({ allow: entries.split(',').map((entry) => parseAllowEntry(entry)!), only: [] }, NOWHERE).refusal(
      host,
      port,
      address,
    ) === null;

  it.each([
    ['nas.lan', 'nas.lan', 80, '192.168.1.4'],
    ['NAS.lan.', 'nas.lan', 8080, '127.0.0.1'],
    ['nas.lan', 'nas.lan.', 80, '192.168.1.4'],
    ['nas.lan:8080', 'nas.lan', 8080, '192.168.1.4'],
    ['my_service:8080', 'my_service', 8080, '172.18.0.3'],
    ['bücher.lan', 'xn--bcher-kva.lan', 80, '10.0.0.1'],
    ['10.0.0.0/8', 'anything.example', 80, '10.200.3.4'],
    ['10.0.0.0/8', '10.200.3.4', 80, '::ffff:10.200.3.4'],
    ['10.0.0.5', 'anything.example', 81, '10.0.0.5'],
    ['10.0.0.5:81', 'anything.example', 81, '10.0.0.5'],
    ['fd12::/16', 'anything.example', 80, 'fd12::7'],
    ['::1', '[::1]', 80, '::1'],
    ['[::1]:9000', '::1', 9000, '::1'],
    ['fe80::/10', 'camera.local', 80, 'fe80::1%eth0.100'],
    ['a.lan,0.0.0.0/0', 'x', 80, '169.254.169.254'],
    ['.lan', 'a.nas.lan', 80, '192.168.1.4'],
    ['.nas.lan:8080', 'nas.lan.', 8080, '192.168.1.4'],
  ])('%s admits %s:%i at %s', (entries, host, port, address) => {
    expect(allows(entries, host, port, address)).toBe(true);
  });

  it.each([
    ['nas.lan', 'other.lan', 80, '192.168.1.4'],
    ['nas.lan', 'x.nas.lan', 80, '192.168.1.4'],
    ['.nas.lan', 'xnas.lan', 80, '192.168.1.4'],
    ['.nas.lan:8080', 'a.nas.lan', 80, '192.168.1.4'],
    ['.lan', '192.168.1.4', 80, '192.168.1.4'],
    ['nas.lan', 'nas.lan.evil.example', 80, '192.168.1.4'],
    ['nas.lan', '192.168.1.4', 80, '192.168.1.4'],
    ['nas.lan:8080', 'nas.lan', 80, '192.168.1.4'],
    ['nas.lan', 'nas.lan', 80, 'not an address'],
    ['10.0.0.0/8', '11.0.0.1', 80, '127.0.0.1'],
    ['10.0.0.5:81', '10.0.0.5', 80, '10.0.0.5'],
    ['10.0.0.5', '10.0.0.5', 80, '10.0.0.6'],
    ['::/0', '10.0.0.5', 80, '10.0.0.5'],
  ])('%s does not admit %s:%i at %s', (entries, host, port, address) => {
    expect(allows(entries, host, port, address)).toBe(false);
  });

  it.each([
    '*',
    '*.lan',
    'http://nas.lan',
    'nas.lan/photos',
    'user@nas.lan',
    'nas.lan:0',
    'nas.lan:99999',
    'nas.lan:http',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '::ffff:10.0.0.0/104',
    '[::1',
    '.10.0.0.5',
    '.',
    '..lan',
    '*:443',
    'a b',
    '/8',
    '',
  ])('has no entry of the form %j', (text) => expect(parseAllowEntry(text)).toBeNull());
});

describe('the list of the only destinations', () => {
  const guardOf = (only: string, allow: string[] = []) =>
    createGuard(
      {
        only: only.split(',').map((entry) => parseOnlyEntry(entry)!),
        allow: allow.map((entry) => parseAllowEntry(entry)!),
      },
      NOWHERE,
    );

  it.each([
    ['images.example.org', 'images.example.org', 8080, '93.184.215.14'],
    ['images.example.org:443', 'images.example.org', 443, '93.184.215.14'],
    ['.example.org:443', 'a.b.example.org', 443, '93.184.215.14'],
    ['*:443', 'anything.example', 443, '93.184.215.14'],
    ['93.184.0.0/16', 'anything.example', 80, '93.184.215.14'],
    ['a.example,93.184.215.14:80', '93.184.215.14', 80, '93.184.215.14'],
  ])('%s has %s:%i at %s', (only, host, port, address) => {
    expect(guardOf(only).nameRefusal(host, port)).toBeNull();
    expect(guardOf(only).refusal(host, port, address)).toBeNull();
  });

  it.each([
    ['images.example.org', 'other.example.org', 443, '93.184.215.14', true],
    ['images.example.org:443', 'images.example.org', 80, '93.184.215.14', true],
    ['.example.org', 'example.org.evil', 443, '93.184.215.14', true],
    ['*:443', 'images.example.org', 8443, '93.184.215.14', true],
    ['93.184.0.0/16', 'anything.example', 80, '1.1.1.1', false],
    ['93.184.215.14:80', '93.184.215.14', 81, '93.184.215.14', true],
  ])('%s does not have %s:%i at %s; the name says it: %s', (only, host, port, address, byName) => {
    expect(guardOf(only).refusal(host, port, address)).toContain('SOURCE_ONLY');
    expect(guardOf(only).nameRefusal(host, port)).toEqual(byName ? expect.stringContaining('SOURCE_ONLY') : null);
  });

  it('admits nothing that the guard refuses otherwise', () => {
    expect(guardOf('nas.lan').refusal('nas.lan', 80, '192.168.1.4')).toContain('SOURCE_ALLOW');
    expect(guardOf('nas.lan', ['nas.lan']).refusal('nas.lan', 80, '192.168.1.4')).toBeNull();
    expect(guardOf('nas.lan', ['192.168.0.0/16']).refusal('camera.lan', 80, '192.168.1.4')).toContain('SOURCE_ONLY');
  });

  it('may have any port', () => {
    for (const port of [1, 443, 65_535])
      expect(parseOnlyEntry(`*:${port}`)).toEqual({ kind: 'domain', domain: '.', port });
  });

  it.each(['*', '*:0', '*:65536', '*:http', '*.lan:80', ''])('has no entry of the form %j', (text) =>
    expect(parseOnlyEntry(text)).toBeNull(),
  );
});

describe('addresses of this machine', () => {
  const interfaces = (...addresses: string[]) => ({ eth0: addresses.map((address) => ({ address })) }) as never;
  const admitted = (own: OwnAddresses, address: string, allow: string[] = []) =>
    createGuard({ allow: allow.map((entry) => parseAllowEntry(entry)!), only: [] }, own).refusal(
      address,
      80,
      address,
    ) === null;

  it('are refused although they are public, in every form, unless SOURCE_ALLOW admits them', () => {
    const own = new OwnAddresses(() => interfaces('93.184.215.14', '2606:4700::1111'));
    for (const address of ['93.184.215.14', '::ffff:93.184.215.14', '64:ff9b::5db8:d70e', '2606:4700:0:0::1111'])
      expect(admitted(own, address), address).toBe(false);
    for (const address of ['93.184.215.15', '2606:4700::1112']) expect(admitted(own, address), address).toBe(true);
    expect(admitted(own, '93.184.215.14', ['93.184.215.14'])).toBe(true);
  });

  it('are read again after five seconds', () => {
    let now = 0;
    let current = interfaces('93.184.215.14');
    let reads = 0;
    const own = new OwnAddresses(
      () => {
        reads++;
        return current;
      },
      () => now,
    );
    expect(admitted(own, '93.184.215.14')).toBe(false);
    current = interfaces('1.1.1.1');
    now = 4999;
    expect([admitted(own, '93.184.215.14'), admitted(own, '1.1.1.1'), reads]).toEqual([false, true, 1]);
    now = 5000;
    expect([admitted(own, '93.184.215.14'), admitted(own, '1.1.1.1'), reads]).toEqual([true, false, 2]);
  });

  it('stay as they were last read when they cannot be read', () => {
    let now = 0;
    let fails = false;
    const own = new OwnAddresses(
      () => {
        if (fails) throw new Error('EAFNOSUPPORT');
        return interfaces('93.184.215.14');
      },
      () => now,
    );
    expect(admitted(own, '93.184.215.14')).toBe(false);
    [now, fails] = [9999, true];
    expect([admitted(own, '93.184.215.14'), admitted(own, '1.1.1.1')]).toEqual([false, true]);
  });

  it('are those of its interfaces', () => {
    const own = new OwnAddresses();
    expect(own.has(readAddress('127.0.0.1')!)).toBe(true);
    expect(own.has(readAddress('1.1.1.1')!)).toBe(false);
  });
});
