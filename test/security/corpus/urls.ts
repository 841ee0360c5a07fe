/** Ways to write the address of something that no caller may reach. */
import ipaddr from 'ipaddr.js';

/** One address of each range that is not public, and those at which clouds give credentials away. */
export const FORBIDDEN_V4 = [
  '127.0.0.1', // loopback
  '127.255.255.254',
  '0.0.0.0', // this machine, for Linux
  '10.0.0.1', // private
  '172.16.0.1',
  '172.31.255.254',
  '192.168.0.1',
  '100.64.0.1', // shared
  '169.254.0.1', // link-local
  '169.254.169.254', // metadata of AWS, Google, Azure and others
  '100.100.100.200', // of Alibaba
  '192.0.0.192', // of Oracle
  '168.63.129.16', // of Azure
  '192.0.2.1', // documentation
  '198.51.100.1',
  '203.0.113.1',
  '198.18.0.1', // benchmarks
  '224.0.0.1', // multicast
  '240.0.0.1', // reserved
  '255.255.255.255', // broadcast
];

export const FORBIDDEN_V6 = [
  '::1', // loopback
  '::', // unspecified
  'fc00::1', // unique local
  'fd00:ec2::254', // metadata of AWS
  'fd20:ce::254', // of Google
  'fe80::1', // link-local
  'fec0::1', // site-local
  'ff02::1', // multicast
  '2001:db8::1', // documentation
  '3fff::1',
  '100::1', // discard
  '2001:10::1', // ORCHID
  '5f00::1', // segment routing
  '4000::1', // not assigned
];

/** Hosts that a parser may take for the address, and some may not take for anything. */
export function spellings(address: string): string[] {
  const hosts = address.includes(':') ? spellingsV6(address) : [...spellingsV4(address), ...carriers(address)];
  return [...new Set(hosts)];
}

type Write = (value: number) => string;
const WRITTEN: Write[] = [
  (value) => `${value}`,
  (value) => `0x${value.toString(16)}`,
  (value) => `0X${value.toString(16).toUpperCase()}`,
  (value) => `0x${value.toString(16).padStart(12, '0')}`,
  (value) => `0${value.toString(8)}`,
  (value) => `0${value.toString(8).padStart(14, '0')}`,
];

function spellingsV4(address: string): string[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
  const low = (b << 16) | (c << 8) | d;
  // With one to four parts: the last one has the rest.
  const parts = [[a, b, c, d], [a, b, (c << 8) | d], [a, low], [a * 2 ** 24 + low]];
  const plain = parts.flatMap((values) => WRITTEN.map((write) => values.map(write).join('.')));
  const mixed = [a, b, c, d].map((value, i) => WRITTEN[(i + 1) % WRITTEN.length]!(value)).join('.');
  return [
    ...plain,
    mixed,
    `${address}.`,
    `${mixed}.`,
    // Digits and dots that Unicode normalization turns into ASCII ones.
    ...[0xff10, 0x1d7ce, 0x1d7d8, 0x1d7ec].map((zero) =>
      address.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit))),
    ),
    address.replace(/[1-9]/g, (digit) => String.fromCodePoint(0x2460 + Number(digit) - 1)),
    ...['。', '．', '｡'].map((dot) => address.replaceAll('.', dot)),
    // Characters that host names may not have, or that are ignored in them.
    address.replace('.', '\u00ad.'),
    address.replace('.', '\u200d.'),
    address.replace('.', '%2e'),
    address.replace(/./g, (character) => `%${character.charCodeAt(0).toString(16)}`),
    address.replace(/\d/, (digit) => `%3${digit}`),
    `${address}%00.example.org`,
    `${address}%20`,
  ];
}

/** IPv6 addresses with the IPv4 address inside. */
function carriers(address: string): string[] {
  const v4 = ipaddr.IPv4.parse(address).toByteArray();
  const zeros = (count: number) => Array<number>(count).fill(0);
  const embedded = [
    [...zeros(10), 0xff, 0xff, ...v4], // mapped
    [...zeros(12), ...v4], // compatible
    [...zeros(8), 0xff, 0xff, 0, 0, ...v4], // translated
    [0, 0x64, 0xff, 0x9b, ...zeros(8), ...v4], // NAT64
    [0, 0x64, 0xff, 0x9b, 0, 1, ...zeros(6), ...v4], // NAT64, local
    [0x20, 0x02, ...v4, ...zeros(9), 1], // 6to4
    [0x20, 0x01, ...zeros(2), ...v4, ...zeros(2), 0x9c, 0x40, ...v4.map((byte) => byte ^ 0xff)], // Teredo
    [0xfe, 0x80, ...zeros(6), 0, 0, 0x5e, 0xfe, ...v4], // ISATAP
  ].map((bytes) => ipaddr.fromByteArray(bytes).toString());
  return [...embedded.flatMap(spellingsV6), `[::ffff:${address}]`, `[::${address}]`, `[64:ff9b::${address}]`];
}

function spellingsV6(address: string): string[] {
  const long = (ipaddr.parse(address) as ipaddr.IPv6).toNormalizedString();
  return [`[${address}]`, `[${address.toUpperCase()}]`, `[${long}]`, `[${address}%25eth0]`, `[${address}%eth0]`];
}

/** Names of this machine. */
export const LOCAL_NAMES = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'ｌｏｃａｌｈｏｓｔ',
  'loc%61lhost',
  'localhost%2e',
];

/** URLs that lead to a host, as one parser or another reads them. `public.test` is nowhere. */
export const urlsTo = (host: string, port: number): string[] => [
  `http://${host}:${port}/`,
  `https://${host}:${port}/`,
  `HtTp://${host}:${port}/a.jpg`,
  `http:/${host}:${port}/`,
  `http:${host}:${port}/`,
  `http:\\\\${host}:${port}\\`,
  `http://///${host}:${port}/`,
  `http://${host}:0${port}/`,
  `http://${host}:${port}?a@public.test/`,
  `http://${host}:${port}#@public.test/`,
  `http://${host}:${port}\\@public.test/`,
  `http://public.test@${host}:${port}/`,
  `http://public.test:80@${host}:${port}/`,
  `http://public.test:80%40@${host}:${port}/`,
  `http://@${host}:${port}/`,
  `http://:@${host}:${port}/`,
  `  http://${host}:${port}/  `,
  `http://\t${host}:${port}/`,
  `ht\ntp://${host}:${port}/`,
  `\u0000http://${host}:${port}/`,
  `//${host}:${port}/`,
  `${host}:${port}`,
];

/** Other schemes that libraries fetch from. */
export const otherSchemes = (port: number): string[] => [
  'file:///etc/passwd',
  'file://localhost/etc/passwd',
  'FILE:/etc/passwd',
  `ftp://127.0.0.1:${port}/a.jpg`,
  `gopher://127.0.0.1:${port}/_GET`,
  `dict://127.0.0.1:${port}/info`,
  `ldap://127.0.0.1:${port}/`,
  `tftp://127.0.0.1:${port}/a`,
  `ws://127.0.0.1:${port}/`,
  `redis://127.0.0.1:${port}/`,
  `unix:/var/run/docker.sock`,
  `http+unix://%2Fvar%2Frun%2Fdocker.sock/info`,
  `jar:http://127.0.0.1:${port}/a!/b`,
  `view-source:http://127.0.0.1:${port}/`,
  `url:http://127.0.0.1:${port}/`,
  `blob:http://127.0.0.1:${port}/a`,
  'data:image/png;base64,AAAA',
  'javascript:fetch("/")',
  'about:blank',
  's3://other-bucket/a.jpg',
  's3://bucket/../other/a.jpg',
  's3://bucket/a/./b.jpg',
];
