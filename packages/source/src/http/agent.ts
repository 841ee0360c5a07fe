import { Agent, type Dispatcher, Pool } from 'undici';
import manifest from '../../package.json' with { type: 'json' };
import { type ConnectorOptions, guardedConnector } from './connector.ts';

export const USER_AGENT = `facequeue/${manifest.version}`;

/** Most sockets to one origin. Nothing else limits concurrent requests, so this bounds how many one host can occupy. */
const SOCKETS_PER_ORIGIN = 64;
/** Long enough for a burst of images from one host, shorter than the 5 s after which servers commonly close idle connections. */
const KEEP_ALIVE_MS = 3000;

/**
 * Connects to guarded addresses only. Its only time limit is `connectMs`: a `Deadline` sets the others. Ignores the proxy
 * variables of the environment: a proxy would resolve names without the guard.
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

/** Ends a response whose body is not needed, and its connection: the rest of the body may be unbounded. */
export function discard(body: Dispatcher.ResponseData['body']): void {
  body.on('error', () => {}).destroy();
}
