import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Parts of an IPv6 address, 16 bits each, that a network has: what follows is a host's own choice. */
const NETWORK_PARTS = 4;

/**
 * The flow of a caller without an API key. An IPv6 client has all addresses of its /64; an IPv4-mapped address is the IPv4 one. Names
 * of API keys have no colon, so none is a flow of this kind.
 * @param address the caller's, or what its nearest believed proxy wrote about it
 */
export function flowOfAddress(address = ''): string {
  // Some proxies append the port of their client.
  const bare = address.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1');
  if (isIPv4(bare)) return `ip:${bare}`;
  if (!isIPv6(bare)) return UNKNOWN;
  const parsed = ipaddr.process(bare);
  if (!(parsed instanceof ipaddr.IPv6)) return `ip:${parsed}`;
  const network = parsed.parts.map((part, i) => (i < NETWORK_PARTS ? part : 0));
  return `ip:${new ipaddr.IPv6(network)}/64`;
}

/** A flow in the text of an error. */
export const nameOfFlow = (flow: string) =>
  flow.startsWith('ip:') ? `the address ${flow.slice(3)}` : `the key ${flow}`;

/** What proxies wrote that is no address counts together. */
const UNKNOWN = 'ip:unknown';
