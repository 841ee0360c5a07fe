/** Node's HTTP server with limits of our own, and errors of the catalogue in place of Node's answers. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { answerOnSocket, parserError } from './socket-errors.ts';

/** Longer than the 60 s after which common load balancers drop an idle connection: they must close it first. */
const KEEP_ALIVE_MS = 65_000;

/** A connection idle for this much longer than the longest legitimate wait is dead, or its client does not read its answer. */
const IDLE_MARGIN_MS = 60_000;

/** How often the header deadline is checked: it is overrun by at most this. */
const CHECK_MS = 1000;

/** Request line and headers together, bytes. */
const MAX_HEADER_BYTES = 16_384;

export interface ServerTimeouts {
  /** Time to send the request headers, from the connection or the end of the previous request. */
  headerTimeoutMs: number;
  /** Longest time a healthy connection may be idle: a wait for faces, or for a body. */
  maxIdleMs: number;
}

/** @param onRefused called for each connection that is answered here, without a request */
export function createHttpServer(
  listener: RequestListener,
  { headerTimeoutMs, maxIdleMs }: ServerTimeouts,
  log: Logger,
  onRefused: (code: ErrorCode) => void,
): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headerTimeoutMs,
    // Bodies have deadlines of their own; this one would answer 408 to a steady sender of a long stream.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECK_MS, headerTimeoutMs || CHECK_MS),
    // Node's own answer to a missing Host is not a problem document (see app.ts).
    requireHostHeader: false,
    noDelay: true,
  });
  server.timeout = maxIdleMs + IDLE_MARGIN_MS;

  /** The current or last exchange of each socket. */
  const exchanges = new WeakMap<Socket, { request: IncomingMessage; response: ServerResponse }>();
  const onRequest: RequestListener = (request, response) => {
    exchanges.set(request.socket, { request, response });
    // The reader of the body handles a disconnect. Without a listener here, its error would end the process.
    request.on('error', () => {});
    listener(request, response);
  };
  server.on('request', onRequest);
  // A client that sent `Expect: 100-continue` gets its 100 when the body is about to be read, not before.
  server.on('checkContinue', onRequest);
  // Unknown expectations may be ignored (RFC 9110, 10.1.1).
  server.on('checkExpectation', onRequest);

  server.on('connect', (_, socket: Socket) => {
    const { status } = answerOnSocket(socket, 'method_not_allowed', 'this is not a proxy');
    onRefused('method_not_allowed');
    log.info({ method: 'CONNECT', status }, 'request');
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const current = exchanges.get(socket);
    if (current && !current.response.writableFinished) {
      const { request, response } = current;
      if (request.complete && !response.headersSent) {
        // Bad bytes follow a good request. The request is answered, and its answer is the last on this connection.
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
    onRefused(code);
    // A request whose body was bad writes its own log line.
    if (!current || current.request.complete)
      log.info({ status, request_id: requestId, reason: error.code }, 'request');
  });
  return server;
}
