import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Address, readAddress } from './public-address.ts';

/** Destinations. Without `port`, all ports. */
export type AllowEntry =
  | { kind: 'host'; host: string; port: number | undefined }
  /** The name and all below it, with a dot before it; a dot alone is every host. */
  | { kind: 'domain'; domain: string; port: number | undefined }
  | { kind: 'range'; range: [Address, number]; port: number | undefined };

export const ALLOW_ENTRY_FORMS =
  'hosts, host:port, .example.org (with all its subdomains), IP addresses, [IPv6]:port or ranges such as 10.0.0.0/8';

const HOST = /^(\[[\da-f:.]+\]|[\p{L}\p{N}._-]+)$/iu;

/**
 * Parses `photos.internal`, `photos.internal:8080`, `.example.org`, `.example.org:443`, `10.0.0.5`, `10.0.0.5:8080`, `::1`, `[::1]:8080` or `10.0.0.0/8`. Null for anything else.
 * @example
 * parseAllowEntry('nas.lan:8080'); // { kind: 'host', host: 'nas.lan', port: 8080 }
 */
export function parseAllowEntry(text: string): AllowEntry | null {
  const range = /^(?<base>[^/]+)\/(?<bits>\d{1,3})$/.exec(text)?.groups;
  if (range) return parseRange(range['base']!, Number(range['bits']));
  if (isIP(text)) return { kind: 'range', range: wholeAddress(readAddress(text)!), port: undefined };
  const port = /:(?<port>\d{1,5})$/.exec(text)?.groups?.['port'];
  const name = port === undefined ? text : text.slice(0, -port.length - 1);
  // The URL parser normalizes and validates the name exactly as it does for the URLs that are compared with it.
  const below = name.startsWith('.');
  const url = HOST.test(name) ? URL.parse(`http://${below ? name.slice(1) : name}`) : null;
  if (!url || Number(port) > 65_535 || Number(port) === 0) return null;
  const host = bareHost(url.hostname);
  if (below && (isIP(host) || host.startsWith('.'))) return null;
  return {
    ...(below ? { kind: 'domain', domain: `.${host}` } : hostEntry(host)),
    port: port === undefined ? undefined : Number(port),
  };
}

const hostEntry = (host: string) =>
  isIP(host)
    ? ({ kind: 'range', range: wholeAddress(readAddress(host)!) } as const)
    : ({ kind: 'host', host } as const);

/** An entry that restricts: as above, or `*:443` for a port of every host. Null for anything else. */
export function parseOnlyEntry(text: string): AllowEntry | null {
  const port = /^\*:(\d{1,5})$/.exec(text)?.[1];
  if (port === undefined) return parseAllowEntry(text);
  return Number(port) > 0 && Number(port) <= 65_535 ? { kind: 'domain', domain: '.', port: Number(port) } : null;
}

function parseRange(base: string, bits: number): AllowEntry | null {
  if (!isIP(base)) return null;
  const address = ipaddr.parse(base);
  // Addresses are compared in the form that `readAddress` returns: a range of IPv4-mapped ones would never match.
  if (readAddress(base)!.kind() !== address.kind() || bits > address.toByteArray().length * 8) return null;
  return { kind: 'range', range: [address, bits], port: undefined };
}

const wholeAddress = (address: Address): [Address, number] => [address, address.toByteArray().length * 8];

/** A URL's host without the brackets of IPv6 and without the dot that ends an absolute name. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/**
 * Whether an entry admits a connection to `address`, to which the URL's `host` resolved.
 * @param address null before the host is looked up: then whether it may admit one
 */
export function entryAdmits(entry: AllowEntry, host: string, port: number, address: Address | null): boolean {
  if (entry.port !== undefined && entry.port !== port) return false;
  if (entry.kind === 'host') return entry.host === host;
  if (entry.kind === 'domain') return entry.domain === '.' || `.${host}`.endsWith(entry.domain);
  if (address === null) return true;
  const [base, bits] = entry.range;
  return base.kind() === address.kind() && address.match(base, bits);
}
