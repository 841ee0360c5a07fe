import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** RFC 4291, section 2.5.5.2: reaches the IPv4 address in the last 32 bits. */
const MAPPED = ipaddr.IPv6.parseCIDR('::ffff:0:0/96');
/** RFC 6052, section 2.1: a NAT64 gateway turns it into the IPv4 address in its last 32 bits. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
/** RFC 4291, section 2.4, as assigned by IANA: everything routable is in it, IPv4-compatible and site-local addresses are not. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Azure's wire server: credentials and metadata at an address that looks public. */
const AZURE_WIRE_SERVER = ipaddr.IPv4.parse('168.63.129.16');

/**
 * The address that a connection would reach: drops a zone id, and turns IPv4-mapped and NAT64 forms into IPv4.
 * Null for text that is not an address in the form the system's resolver prints.
 */
export function readAddress(text: string): Address | null {
  const bare = text.replace(/%.*$/s, '');
  if (!isIP(bare)) return null;
  const address = ipaddr.parse(bare);
  if (address instanceof ipaddr.IPv6 && (address.match(MAPPED) || address.match(NAT64)))
    return new ipaddr.IPv4(address.toByteArray().slice(12));
  return address;
}

/**
 * Whether an address is on the public internet. Everything in the IANA special-purpose registries (RFC 6890) is not: loopback, private, shared (CGNAT), link-local with the clouds' metadata services,
 * unique local, multicast, documentation, benchmarks, reserved, and tunnels (6to4, Teredo) with an IPv4 address inside.
 */
export function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv6 ? address.match(GLOBAL_UNICAST) : !address.match([AZURE_WIRE_SERVER, 32]);
}
