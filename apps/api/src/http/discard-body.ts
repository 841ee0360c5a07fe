import type { IncomingMessage, ServerResponse } from 'node:http';
import { statedLength } from './content-length.ts';

/** A client that is still sending must be able to finish or to notice the answer: cut off at once, fetch lost one in six. */
const DISCARD_MS = 2000;
const DISCARD_BYTES = 64e6;

/** A rest as small as this is read to its end, and the connection lives on. */
const KEEP_ALIVE_BYTES = 1 << 16;

/** True while some of the request's body has not arrived. */
export function hasUnreadBody(request: IncomingMessage): boolean {
  return !request.complete && statedLength(request) !== 0;
}

/**
 * Sends an answer whose headers are set, while the request's body is still on its way. The client has the whole answer
 * at once; then what it still sends is discarded, up to 64 MB or 2 s, before the connection is closed.
 */
export function answerBeforeBody(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
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
