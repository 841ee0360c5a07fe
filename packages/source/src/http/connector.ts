import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressGuard } from '../address/guard.ts';
import { forbidden } from '../errors.ts';

/** Looks up all addresses of a name: `NameLookup`, except in tests. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

export interface ConnectorOptions {
  guard: AddressGuard;
  /** Milliseconds from the start of the look-up to the end of the TLS handshake. */
  connectMs: number;
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
  resolve: Resolve;
}

const notAllowed = () =>
  forbidden('the host is, or resolves to, an address that is not public and not admitted by SOURCE_ALLOW');

/**
 * Opens sockets to one origin, and only to addresses that the guard admits. It connects only to addresses that it has checked,
 * which defeats DNS rebinding (a name that changes between check and connection). A name with one forbidden address is refused.
 */
export function guardedConnector(origin: URL, options: ConnectorOptions): buildConnector.connector {
  const { guard, connectMs, ca, resolve } = options;
  const port = Number(origin.port || (origin.protocol === 'https:' ? 443 : 80));

  const lookup: LookupFunction = (hostname, { all, family }, callback) => {
    const answer = (found: LookupAddress[]) => {
      if (!found.every(({ address }) => guard.admits(hostname, port, address))) return callback(notAllowed(), []);
      if (all) return callback(null, found);
      const wanted = found.find((each) => !family || each.family === family) ?? found[0]!;
      callback(null, wanted.address, wanted.family);
    };
    resolve(hostname).then(answer, (error: Error) => callback(error, []));
  };
  const connect = buildConnector({ lookup, timeout: connectMs, allowH2: false, ...(ca && { ca }) });

  return (target, callback) => {
    // A literal address is not looked up.
    if (isIP(target.hostname) && !guard.admits(target.hostname, port, target.hostname))
      return callback(notAllowed(), null);
    connect(target, callback);
  };
}
