import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { ERROR_CATALOGUE, type ErrorCode, toProblem } from '@facequeue/schema';

/** What Node's HTTP parser and its timers complain of, as errors of the catalogue. */
const CODES: Record<string, [ErrorCode, string]> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'request line and headers may have 16 kB'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'chunk extensions may have 16 kB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'the request headers were not here in time'],
};

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

/**
 * Answers bytes that are no HTTP request, straight on the socket: there is no response object for them.
 * @returns what was answered, for the log
 */
export function answerParserError(socket: Socket, cause: NodeJS.ErrnoException) {
  const [code, detail] = CODES[cause.code ?? ''] ?? ['invalid_request', 'this is not valid HTTP'];
  const { status } = ERROR_CATALOGUE[code];
  const requestId = randomUUID();
  const body = JSON.stringify(toProblem(code, detail));
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status]}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroySoon(),
  );
  return { status, code, requestId };
}
