import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressGuard } from '../address/guard.ts';
import { forbidden } from '../errors.ts';

/** Resolves a name to all its addresses: `dns.lookup`, except in tests. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface ConnectorOptions {
  guard: AddressGuard;
  /** Milliseconds from the start of the look-up to the end of the TLS handshake. */
  connectMs: number;
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
  resolve?: Resolve | undefined;
}

const notAllowed = () =>
  forbidden('the host is, or resolves to, an address that is not public and not admitted by SOURCE_ALLOW');

/**
 * Opens sockets to one origin, and only to addresses that the guard admits. It connects only to addresses that it has checked,
 * which defeats DNS rebinding (a name that changes between check and connection). A name with one forbidden address is refused.
 */
export function guardedConnector(origin: URL, options: ConnectorOptions): buildConnector.connector {
  const { guard, connectMs, ca, resolve = systemLookup as Resolve } = options;
  const port = Number(origin.port || (origin.protocol === 'https:' ? 443 : 80));

  const lookup: LookupFunction = (hostname, { all, ...wanted }, callback) => {
    resolve(hostname, { ...wanted, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (!addresses.every(({ address }) => guard.admits(hostname, port, address))) return callback(notAllowed(), []);
      if (all) return callback(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
  const connect = buildConnector({ lookup, timeout: connectMs, allowH2: false, ...(ca && { ca }) });

  return (target, callback) => {
    // A literal address is not looked up.
    if (isIP(target.hostname) && !guard.admits(target.hostname, port, target.hostname))
      return callback(notAllowed(), null);
    connect(target, callback);
  };
}
