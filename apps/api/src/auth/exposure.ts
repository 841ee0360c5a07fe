/** Who can reach a gateway without API keys, and what keeps foreign web pages from calling one on loopback. */
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { FacequeueError } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';

/**
 * True for names and addresses that only this machine can reach.
 * @param host IPv6 addresses may have brackets
 */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIPv4(name)) return name.startsWith('127.');
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1';
}

/**
 * Whether requests must name this machine in `Host` and `Origin`.
 * @throws ConfigError when everybody on the network could call and ALLOW_OPEN does not say that this is intended
 */
export function needsLocalCallers(config: {
  HOST: string;
  API_KEYS: readonly unknown[];
  API_KEYS_FILE?: string | undefined;
  ALLOW_OPEN: boolean;
}) {
  if (config.API_KEYS.length > 0 || config.API_KEYS_FILE !== undefined || config.ALLOW_OPEN) return false;
  if (isLoopback(config.HOST)) return true;
  throw new ConfigError(
    `HOST is ${JSON.stringify(config.HOST)}, which other machines can reach, and no API_KEYS are set; ` +
      'set API_KEYS, or ALLOW_OPEN=true to let everybody call, or HOST=127.0.0.1',
  );
}

/**
 * Refuses requests that a foreign web page makes in a browser on this machine: through a host name of its own that resolves to
 * 127.0.0.1 (DNS rebinding, visible in `Host`), or directly (visible in `Origin`).
 * @throws forbidden
 */
export function refuseForeign(request: IncomingMessage): void {
  const { host, origin } = request.headers;
  if (host !== undefined && !isLoopback(hostName(`http://${host}`))) {
    throw new FacequeueError('forbidden', 'Host is not this machine; without API_KEYS only local callers are served');
  }
  if (origin !== undefined && !isLoopback(hostName(origin))) {
    throw new FacequeueError('forbidden', 'Origin is not this machine; without API_KEYS only local callers are served');
  }
}

/** Host of an origin; empty when it has none, as in `null`. */
const hostName = (origin: string) => URL.parse(origin)?.hostname ?? '';
