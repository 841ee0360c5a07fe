import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { addressIn, carrierV6, SPECIAL_V4, SPECIAL_V6, writtenV4, writtenV6 } from './addresses.arbitrary.ts';
import { parseAllowEntry } from './allow-list.ts';
import { createGuard } from './guard.ts';

const guard = createGuard([]);
const admits = (address: string) => guard.admits(address, 443, address);

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
    createGuard(entries.split(',').map((entry) => parseAllowEntry(entry)!)).admits(host, port, address);

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
  ])('%s admits %s:%i at %s', (entries, host, port, address) => {
    expect(allows(entries, host, port, address)).toBe(true);
  });

  it.each([
    ['nas.lan', 'other.lan', 80, '192.168.1.4'],
    ['nas.lan', 'x.nas.lan', 80, '192.168.1.4'],
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
    'a b',
    '/8',
    '',
  ])('has no entry of the form %j', (text) => expect(parseAllowEntry(text)).toBeNull());
});
