import { BlockList, isIP, isIPv6 } from 'node:net';

/** A host that a request may name: a name, a name with all below it (`.example.org`), or a network of addresses. */
export type HostEntry = { name: string } | { domain: string } | { address: string; bits: number };

export const HOST_ENTRY_FORM =
  'host names (.example.org: with all its subdomains), addresses or ranges such as 10.0.0.0/8, without a port';

/** Host of a `Host` header, as URLs write it; empty when it has none. */
export const hostOf = (header: string) => URL.parse(`http://${header}`)?.hostname ?? '';

/** @returns null for a text that is no such entry */
export function parseHostEntry(text: string): HostEntry | null {
  const [, address, length] = /^\[?([\d.]+|[\da-f:.]*:[\da-f:.]*)\]?(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  if (address !== undefined) {
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)]!;
    const bits = Number(length ?? most);
    return most >= 0 && bits <= most ? { address, bits } : null;
  }
  const [, dot, name] = /^(\.?)([^\s.:/?#@[\]*][^\s:/?#@[\]*]*)$/.exec(text) ?? [];
  const host = name === undefined ? '' : hostOf(name);
  if (host === '' || isIP(host) || host.startsWith('.') || host.includes('..')) return null;
  return dot ? { domain: `.${host}` } : { name: host };
}

/** Hosts that requests may name. */
export interface Hosts {
  /** @param host as the `hostname` of a URL */
  has(host: string): boolean;
}

/** The hosts of a list of entries. */
export class HostList implements Hosts {
  readonly #names = new Set<string>();
  readonly #domains: string[] = [];
  readonly #addresses = new BlockList();

  constructor(entries: readonly HostEntry[]) {
    for (const entry of entries) {
      if ('name' in entry) this.#names.add(entry.name);
      else if ('domain' in entry) this.#domains.push(entry.domain);
      else this.#addresses.addSubnet(entry.address, entry.bits, family(entry.address));
    }
  }

  has(host: string): boolean {
    const address = host.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address)) return this.#addresses.check(address, family(address));
    return this.#names.has(host) || this.#domains.some((domain) => `.${host}`.endsWith(domain));
  }
}

const family = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
