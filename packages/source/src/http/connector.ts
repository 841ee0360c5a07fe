import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressGuard } from '../address/guard.ts';
import { forbidden } from '../errors.ts';
import { portOf } from '../web-url.ts';

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

/**
 * Opens sockets to one origin, and only to addresses that the guard admits. It connects only to addresses that it has checked,
 * which defeats DNS rebinding (a name that changes between check and connection). A name with one forbidden address is refused.
 */
export function guardedConnector(origin: URL, options: ConnectorOptions): buildConnector.connector {
  const { guard, connectMs, ca, resolve } = options;
  const port = portOf(origin);

  const lookup: LookupFunction = (hostname, _, callback) => {
    const answer = (found: LookupAddress[]) => {
      for (const { address } of found) {
        const refusal = guard.refusal(hostname, port, address);
        if (refusal) return callback(forbidden(refusal), []);
      }
      callback(null, found);
    };
    resolve(hostname).then(answer, (error: Error) => callback(error, []));
  };
  const connect = buildConnector({
    lookup,
    // Node asks for all addresses then, and tries one after the other.
    autoSelectFamily: true,
    timeout: connectMs,
    allowH2: false,
    ...(ca && { ca }),
  });

  return (target, callback) => {
    const { hostname } = target;
    // A literal address is not looked up.
    const refusal = isIP(hostname) ? guard.refusal(hostname, port, hostname) : guard.nameRefusal(hostname, port);
    if (refusal) return callback(forbidden(refusal), null);
    connect(target, callback);
  };
}
