import { describe, expect, it } from 'vitest';
import { HostList, hostOf, parseHostEntry } from './host-list.ts';

const listOf = (...entries: string[]) => new HostList(entries.map((entry) => parseHostEntry(entry)!));

describe('a list of hosts', () => {
  it.each<[entry: string, hosts: string[], others: string[]]>([
    [
      'faces.example.org',
      ['faces.example.org:8080', 'FACES.example.org', 'faces.example.org'],
      ['example.org', 'a.faces.example.org', 'xfaces.example.org', 'faces.example.org.evil'],
    ],
    ['Bücher.example', ['xn--bcher-kva.example:80'], ['bucher.example']],
    ['.example.org', ['example.org', 'a.b.example.org:1'], ['notexample.org', 'example.org.evil', 'example.com']],
    ['gateway', ['gateway:8080'], ['gateway.evil', 'localhost']],
    ['10.0.0.0/8', ['10.1.2.3:80', '10.255.255.255', '0xa.1'], ['11.0.0.1', '10.0.0.1.nip.io', '[::ffff:b00:1]']],
    ['127.0.0.1', ['127.0.0.1:9', '2130706433'], ['127.0.0.2', 'localhost', '[::1]']],
    ['[::1]', ['[::1]:8080', '[0:0:0:0:0:0:0:1]'], ['[::2]', 'localhost']],
    ['fd00::/8', ['[fd12::1]'], ['[fe80::1]', 'fd12']],
  ])('with %s has %j and not %j', (entry, hosts, others) => {
    const list = listOf('other.example', entry);
    expect(hosts.filter((host) => !list.has(hostOf(host)))).toEqual([]);
    expect([...others, '', 'a b', '/'].filter((host) => list.has(hostOf(host)))).toEqual([]);
  });

  it.each([
    ...[
      'faces.example.org:8080',
      'http://faces.example.org',
      'faces.example.org/',
      '*',
      '*.example.org',
      '.',
      '..a',
      'a..b',
    ],
    ...[
      'a@b',
      'a b',
      'a?b',
      '[a]',
      '10.0.0.0/33',
      '::1/129',
      '10.0.0',
      '300.1.1.1',
      '0x7f.1',
      '[::1]:80',
      '1:2',
      '10.0.0.0/',
    ],
  ])('does not take %j for an entry', (text) => expect(parseHostEntry(text)).toBeNull());
});
