import type { IncomingMessage, ServerResponse } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { startTimer } from '@facequeue/time';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { sendContinue } from '../http/expect-continue.ts';
import type { BodyMemory } from './body-memory.ts';

/** The size of a body that may be received. */
export interface BodySize {
  /** Stated by the client, bytes; null when the body comes in chunks. At most `cap`. */
  stated: number | null;
  /** Most bytes it may have. */
  cap: number;
}

export interface ReceiveOptions extends BodySize {
  memory: BodyMemory;
  /** Time from now until the last byte. */
  timeoutMs: number;
  /** Makes the error for a body of unstated length that exceeds the cap. */
  tooLarge: () => Error;
}

/**
 * Receives a whole body into one buffer and passes it to `use`. Its memory is reserved until `use` is done. A client that sent
 * `Expect: 100-continue` is told to continue now. After an error, the answer discards the rest of the body (see http/discard-body.ts).
 * @throws queue_full (no body memory), request_timeout, the error of `tooLarge`, ClientDisconnected, what `use` throws
 */
export async function receiveBody<T>(
  request: IncomingMessage,
  response: ServerResponse,
  options: ReceiveOptions,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  using reservation = options.memory.reserve(options.stated ?? options.cap);
  const body = await receive(request, response, options);
  reservation.resize(body.length);
  return await use(body);
}

function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { stated, cap, timeoutMs, tooLarge }: ReceiveOptions,
): Promise<Buffer> {
  sendContinue(request, response);
  return new Promise((resolve, reject) => {
    // With a stated length each chunk is copied to its final place, so peak memory is one body.
    const whole = stated === null ? null : Buffer.allocUnsafeSlow(stated);
    const chunks: Buffer[] = [];
    let received = 0;

    const settle = (act: () => void) => {
      timer.clear();
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose).pause();
      act();
    };
    const onData = (chunk: Buffer) => {
      if (received + chunk.length > (stated ?? cap)) return settle(() => reject(tooLarge()));
      if (whole) chunk.copy(whole, received);
      else chunks.push(chunk);
      received += chunk.length;
    };
    const onEnd = () => settle(() => resolve(whole ?? Buffer.concat(chunks, received)));
    const onClose = () => settle(() => reject(new ClientDisconnected('the client disconnected while it was sending')));
    const timer = startTimer(timeoutMs, () => {
      settle(() => reject(new FacequeueError('request_timeout', `the body did not arrive within ${timeoutMs} ms`)));
    });

    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    // It may have been closed before, while Redis was asked whether there is room.
    if (request.destroyed) onClose();
  });
}
