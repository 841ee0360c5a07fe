/** Answers where Node has no response object: to bytes that are not valid HTTP, and to CONNECT. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ERROR_CATALOGUE, type ErrorCode, toProblem } from '@facequeue/schema';
import { SECURITY_HEADERS } from '@facequeue/service/security-headers';

const SECURITY = Object.entries(SECURITY_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

/** Errors of Node's HTTP parser and its timers, as errors of the catalogue. */
const PARSER_ERRORS: Record<string, [ErrorCode, string]> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'the request line and headers are larger than 16 kB'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'the chunk extensions are larger than 16 kB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'the request headers did not arrive in time'],
};

export function parserError(error: NodeJS.ErrnoException): [ErrorCode, string] {
  return PARSER_ERRORS[error.code ?? ''] ?? ['invalid_request', 'this is not valid HTTP'];
}

/**
 * Answers and ends the connection.
 * @returns what the log line needs
 */
export function answerOnSocket(
  socket: Socket,
  code: ErrorCode,
  detail: string,
  retryAfterS: number | null = null,
): { status: number; requestId: string } {
  const { status } = ERROR_CATALOGUE[code];
  const requestId = randomUUID();
  const body = JSON.stringify(toProblem(code, detail));
  // Node does not listen for errors of a CONNECT's socket: without a listener, a reset would end the process.
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `${SECURITY}Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `${retryAfterS === null ? '' : `Retry-After: ${retryAfterS}\r\n`}X-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroySoon(),
  );
  return { status, requestId };
}
