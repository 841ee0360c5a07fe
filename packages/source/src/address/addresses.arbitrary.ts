/** Generators of addresses and of the many ways to write them, for property tests. */
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';

/** IPv4 ranges without public hosts: IANA IPv4 Special-Purpose Address Registry, multicast (RFC 5771) and Azure's wire server. */
export const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '255.255.255.255/32',
  '169.254.169.254/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
];

/** IPv6 ranges without public hosts: IANA IPv6 Special-Purpose Address Registry and all space not assigned for unicast. */
export const SPECIAL_V6 = [
  '::/128',
  '::1/128',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  '4000::/3',
  '8000::/1',
];

/** Bytes of an address in one of the ranges. */
export const addressIn = (ranges: readonly string[]): fc.Arbitrary<number[]> =>
  fc.constantFrom(...ranges).chain((range) => {
    const [base, bits] = ipaddr.parseCIDR(range);
    const bytes = base.toByteArray();
    return fc
      .uint8Array({ minLength: bytes.length, maxLength: bytes.length })
      .map((free) => bytes.map((byte, i) => byte | (free[i]! & (0xff >> Math.min(8, Math.max(0, bits - i * 8))))));
  });

const hexGroups = (bytes: number[]) =>
  Array.from({ length: bytes.length / 2 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));

/** IPv6 text, long or shortened, in either case. */
export const writtenV6 = (bytes: number[]): fc.Arbitrary<string> => {
  const long = hexGroups(bytes);
  return fc.constantFrom(
    long.join(':'),
    long.join(':').toUpperCase(),
    long.map((group) => group.padStart(4, '0')).join(':'),
    ipaddr.fromByteArray(bytes).toString(),
  );
};

/** IPv6 addresses with an IPv4 address inside, which a gateway, a tunnel or the kernel may unpack. */
export const carrierV6 = (v4: number[]): fc.Arbitrary<number[]> =>
  fc.constantFrom(
    [...Array(10).fill(0), 0xff, 0xff, ...v4], // IPv4-mapped
    [...Array(12).fill(0), ...v4], // IPv4-compatible
    [...Array(8).fill(0), 0xff, 0xff, 0, 0, ...v4], // IPv4-translated, RFC 2765
    [0x00, 0x64, 0xff, 0x9b, ...Array(8).fill(0), ...v4], // NAT64, RFC 6052
    [0x00, 0x64, 0xff, 0x9b, 0, 1, ...Array(6).fill(0), ...v4], // NAT64 for local use, RFC 8215
    [0x20, 0x02, ...v4, ...Array(9).fill(0), 1], // 6to4, RFC 3056
    [0x20, 0x01, 0, 0, ...v4, 0, 0, 0x9c, 0x40, ...v4.map((byte) => byte ^ 0xff)], // Teredo, RFC 4380
  );

/** Hosts of URLs that all mean one IPv4 address: decimal, octal, hexadecimal, in one to four parts, dotted at the end, in wide digits, percent-encoded. */
export const writtenV4 = (v4: number[]): fc.Arbitrary<string> => {
  const [a, b, c, d] = v4 as [number, number, number, number];
  const parts = fc.constantFrom(
    [a, b, c, d],
    [a, b, (c << 8) | d],
    [a, (b << 16) | (c << 8) | d],
    [a * 2 ** 24 + ((b << 16) | (c << 8) | d)],
  );
  const number = (value: number) =>
    fc.constantFrom(
      `${value}`,
      `0x${value.toString(16)}`,
      `0X${value.toString(16).toUpperCase()}`,
      `0${value.toString(8)}`,
    );
  const dressed = (host: string) =>
    fc.constantFrom(
      host,
      `${host}.`,
      host.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
      host.replaceAll('.', '。'),
      host.replace(/\d/, (digit) => `%3${digit}`),
    );
  return parts.chain((values) => fc.tuple(...values.map(number)).chain((texts) => dressed(texts.join('.'))));
};
