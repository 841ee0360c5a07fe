import type { IncomingMessage } from 'node:http';

/** The stated length of a request body, bytes; null when it comes in chunks. The HTTP parser has validated the headers. */
export function statedLength(request: IncomingMessage): number | null {
  if (request.headers['transfer-encoding'] !== undefined) return null;
  return Number(request.headers['content-length'] ?? 0);
}

/** True when a request has a body, of whatever length. */
export function hasBody(request: IncomingMessage): boolean {
  return statedLength(request) !== 0;
}
