import type { IncomingMessage, ServerResponse } from 'node:http';
import { statedLength } from './content-length.ts';

/**
 * A client that is still sending must be able to finish, or to notice the answer. When connections were cut at once, fetch lost one
 * answer in six.
 */
const DISCARD_MS = 2000;
const DISCARD_BYTES = 64e6;

/** A body of at most this size is read to its end, and the connection stays open. */
const KEEP_ALIVE_BYTES = 1 << 16;

/** True while part of the request's body has not arrived. */
export function bodyIncomplete(request: IncomingMessage): boolean {
  return !request.complete && statedLength(request) !== 0;
}

/**
 * Sends an answer while the request's body is still arriving. The client gets the whole answer at once. What it sends after that is
 * discarded, up to 64 MB or for 2 s; then the connection closes.
 * @param response its headers are set
 */
export function answerAndDiscardBody(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const stated = statedLength(request);
  if (stated === null || stated > KEEP_ALIVE_BYTES) response.setHeader('Connection', 'close');
  response.write(body);
  let discarded = 0;
  const settle = () => {
    clearTimeout(timer);
    request.off('data', onData).off('end', settle).off('close', settle);
    response.end();
    if (!request.complete) request.socket.destroySoon();
  };
  const onData = (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > DISCARD_BYTES) settle();
  };
  const timer = setTimeout(settle, DISCARD_MS);
  request.on('data', onData).on('end', settle).on('close', settle).resume();
}
