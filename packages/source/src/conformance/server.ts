import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** The bytes a well-behaved server sends. Not an image: a source does not look inside. */
export const BYTES = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 251);

const endless = (response: ServerResponse) => {
  const send = () => {
    while (!response.destroyed && response.write(BYTES));
  };
  response.on('drain', send);
  send();
};

/** How the server answers a request. The last segment of the path selects it. */
export type Behaviour = keyof typeof BEHAVIOURS;

const BEHAVIOURS = {
  found: (response: ServerResponse) => void response.writeHead(200, { 'content-length': BYTES.length }).end(BYTES),
  'found-without-length': (response: ServerResponse) => {
    response.write(BYTES.subarray(0, 10));
    response.end(BYTES.subarray(10));
  },
  'found-as-identity': (response: ServerResponse) =>
    void response.writeHead(200, { 'content-length': BYTES.length, 'content-encoding': 'identity' }).end(BYTES),
  empty: (response: ServerResponse) => void response.writeHead(200, { 'content-length': 0 }).end(),
  missing: (response: ServerResponse) => void response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>'),
  'too-large-by-length': (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': 10 ** 12 }).flushHeaders();
  },
  'too-large-while-streaming': endless,
  'endless-error': (response: ServerResponse) => endless(response.writeHead(500)),
  'endless-redirect': (response: ServerResponse) => endless(response.writeHead(302, { location: 'found' })),
  'slow-drip': (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  },
  /** A seventieth each 20 ms. */
  steady: (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    let sent = 0;
    const timer = setInterval(() => {
      response.write(BYTES.subarray(sent, sent + 1000));
      sent += 1000;
      if (sent === BYTES.length) response.end();
    }, 20);
    response.on('close', () => clearInterval(timer));
  },
  /** The second half comes half a second after the first. */
  'slow-body': (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 1000));
    const timer = setTimeout(() => response.end(BYTES.subarray(1000)), 500);
    response.on('close', () => clearTimeout(timer));
  },
  'silence-midway': (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 1000));
  },
  'silence-before-headers': () => {},
  'hang-up-midway': (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 1000), () => response.destroy());
  },
  'hang-up-before-headers': (response: ServerResponse) => void response.destroy(),
  compressed: (response: ServerResponse) => endless(response.writeHead(200, { 'content-encoding': 'gzip' })),
  forbidden: (response: ServerResponse) => void response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>'),
} satisfies Record<string, (response: ServerResponse) => void>;

/** A server whose answers the path selects. It reports when requests arrive and their connections end. */
export interface BehavingServer extends AsyncDisposable {
  /** `host:port` */
  host: string;
  /** Requested paths, as they were sent, without queries. */
  paths: string[];
  /** Resolves when a request for this behaviour has arrived. */
  requested(behaviour: Behaviour): Promise<void>;
  /** Resolves when an answer with this behaviour has ended, with its connection or before it. */
  ended(behaviour: Behaviour): Promise<void>;
}

/** @param tls makes it an https server */
export async function startBehavingServer(tls?: { key: string; cert: string }): Promise<BehavingServer> {
  const events = new Map<string, PromiseWithResolvers<void>>();
  const event = (name: string) => {
    if (!events.has(name)) events.set(name, Promise.withResolvers());
    return events.get(name)!;
  };
  const paths: string[] = [];
  const listener: RequestListener = (request, response) => {
    const path = request.url!.replace(/\?.*/, '');
    const behaviour = path.split('/').pop() as Behaviour;
    paths.push(path);
    response.on('close', () => event(`ended ${behaviour}`).resolve());
    event(`requested ${behaviour}`).resolve();
    BEHAVIOURS[behaviour](response);
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    requested: (behaviour) => event(`requested ${behaviour}`).promise,
    ended: (behaviour) => event(`ended ${behaviour}`).promise,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
