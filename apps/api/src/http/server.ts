/** Node's HTTP server with limits of our own, and answers of the catalogue where Node would write its own. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@facequeue/schema';
import type { Logger } from 'pino';
import { answerOnSocket, parserError } from './socket-errors.ts';

/** Longer than the 60 s after which common load balancers drop an idle connection: they must be the first. */
const KEEP_ALIVE_MS = 65_000;

/** A socket on which nothing moves for so much longer than it may is dead, or its client reads no answer. */
const IDLE_MARGIN_MS = 60_000;

/** How often the header deadline is looked at: it is overrun by this at most. */
const CHECK_MS = 1000;

/** Request line and headers together, bytes. */
const MAX_HEADER_BYTES = 16_384;

export interface ServerTimes {
  /** To send the request headers, from the connection or the end of the previous request. */
  headerTimeoutMs: number;
  /** Longest time for which nothing may move while all is well: a wait for faces, or for a body. */
  longestQuietMs: number;
}

/** @param refused told of each connection that is answered here, with no request behind it */
export function createHttpServer(
  listener: RequestListener,
  times: ServerTimes,
  log: Logger,
  refused: (code: ErrorCode) => void,
): Server {
  const { headerTimeoutMs, longestQuietMs } = times;
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headerTimeoutMs,
    // Bodies have a deadline of their own; this one would answer 408 to a steady sender of a long stream.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECK_MS, headerTimeoutMs || CHECK_MS),
    // Node's own answer to a missing Host is no problem document (see app.ts).
    requireHostHeader: false,
    noDelay: true,
  });
  server.timeout = longestQuietMs + IDLE_MARGIN_MS;

  /** The exchange a socket carries or carried last. */
  const exchanges = new WeakMap<Socket, { request: IncomingMessage; response: ServerResponse }>();
  const take: RequestListener = (request, response) => {
    exchanges.set(request.socket, { request, response });
    // A client that goes away is noticed where it matters; without a listener its error would end the process.
    request.on('error', () => {});
    listener(request, response);
  };
  server.on('request', take);
  // Whoever asks before sending a body is told to go on when it is about to be read, not before.
  server.on('checkContinue', take);
  // An expectation nobody knows may be ignored (RFC 9110, 10.1.1).
  server.on('checkExpectation', take);

  server.on('connect', (_, socket: Socket) => {
    const { status } = answerOnSocket(socket, 'method_not_allowed', 'this is no proxy');
    refused('method_not_allowed');
    log.info({ method: 'CONNECT', status }, 'request');
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const current = exchanges.get(socket);
    if (current && !current.response.writableFinished) {
      const { request, response } = current;
      if (request.complete && !response.headersSent) {
        // The bytes behind a good request are bad. Its answer comes first, and is the last on this connection.
        response.setHeader('Connection', 'close');
        return;
      }
      if (response.headersSent) {
        socket.destroy();
        return;
      }
    }
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const [code, detail] = parserError(error);
    const { status, requestId } = answerOnSocket(socket, code, detail);
    refused(code);
    // The request whose body this was logs itself.
    if (!current || current.request.complete)
      log.info({ status, request_id: requestId, reason: error.code }, 'request');
  });
  return server;
}
