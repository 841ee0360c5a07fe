import type { IncomingMessage, ServerResponse } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { statedLength } from '../http/content-length.ts';

/**
 * Receives a whole body into one buffer. A client that asked first (`Expect: 100-continue`) is told to go on now.
 * What is not read, after an error, is left to the answer (see http/discard-body.ts).
 * @param cap most bytes it may have; a stated length has been held against it
 * @param timeoutMs time from now until all of it is here
 * @param tooLarge made when a body of unstated length passes the cap
 * @throws request_timeout, what `tooLarge` makes, ClientDisconnected
 */
export function receiveBody(
  request: IncomingMessage,
  response: ServerResponse,
  cap: number,
  timeoutMs: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  return new Promise((resolve, reject) => {
    const stated = statedLength(request);
    // With a stated length every chunk goes where it will stay, and peak memory is the body once.
    const whole = stated === null ? null : Buffer.allocUnsafeSlow(stated);
    const chunks: Buffer[] = [];
    let received = 0;

    const settle = (act: () => void) => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose).pause();
      act();
    };
    const onData = (chunk: Buffer) => {
      if (received + chunk.length > cap) return settle(() => reject(tooLarge()));
      if (whole) chunk.copy(whole, received);
      else chunks.push(chunk);
      received += chunk.length;
    };
    const onEnd = () => settle(() => resolve(whole ?? Buffer.concat(chunks, received)));
    const onClose = () => settle(() => reject(new ClientDisconnected('the client went away while it was sending')));
    const timer = setTimeout(() => {
      settle(() => reject(new FacequeueError('request_timeout', `the body was not here within ${timeoutMs} ms`)));
    }, timeoutMs);

    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}
