import { Agent, type Dispatcher, Pool } from 'undici';
import manifest from '../../package.json' with { type: 'json' };
import { type ConnectorOptions, guardedConnector } from './connector.ts';

export const USER_AGENT = `facequeue/${manifest.version}`;

/** Sockets to one origin; as many exchanges run at once as the caller starts, so this bounds what one host can bind. */
const SOCKETS_PER_ORIGIN = 64;
/** Long enough for a burst of images from one host, shorter than the 5 s after which servers commonly hang up. */
const KEEP_ALIVE_MS = 3000;

/**
 * Connections to guarded addresses only. It has no limits of time but `connectMs`: a `Budget` sets them. Proxy variables
 * of the environment are ignored: a proxy would resolve names unguarded.
 */
export function guardedAgent(options: ConnectorOptions): Agent {
  return new Agent({
    connections: SOCKETS_PER_ORIGIN,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (origin, rest) => new Pool(origin, { ...rest, connect: guardedConnector(new URL(origin), options) }),
  });
}

/** Ends an answer whose body nobody wants, and its connection: what it would still send has no bound. */
export function discard(body: Dispatcher.ResponseData['body']): void {
  body.on('error', () => {}).destroy();
}
