import type { IncomingMessage, ServerResponse } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { startTimer } from '@facequeue/time';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { sendContinue } from '../http/expect-continue.ts';
import type { BodyMemory, Reservation } from './body-memory.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import type { BodyPace } from './upload-limits.ts';

/** The size of a body that may be received. */
export interface BodySize {
  /** Stated by the client, bytes; null when the body comes in chunks. At most `cap`. */
  stated: number | null;
  /** Most bytes it may have. */
  cap: number;
}

export interface ReceiveOptions extends BodySize {
  memory: BodyMemory;
  pace: BodyPace;
  /** Makes the error for a body of unstated length that exceeds the cap. */
  tooLarge: () => Error;
}

/** Over which the least speed is measured: longer than a mobile network usually takes from one cell to the next, ms. */
export const SPEED_WINDOW_MS = 10_000;

/**
 * Receives a whole body into one buffer and passes it to `use`. What has arrived is reserved in the body memory until `use` is done. A
 * client that sent `Expect: 100-continue` is told to continue now. The bytes are freed when `use` is done, so its result must not
 * contain them. If `use` fails they may still be on their way to Redis, and are left to the garbage collector. After an error, the answer
 * discards the rest of the body (see http/discard-body.ts).
 * @throws queue_full and quota_exceeded (no body memory), request_timeout, the error of `tooLarge`, ClientDisconnected, what `use` throws
 */
export async function receiveBody<T>(
  request: IncomingMessage,
  response: ServerResponse,
  options: ReceiveOptions,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  using reservation = options.memory.reserve(options.pace.flow, options.stated ?? options.cap);
  const body = await receive(request, response, options, reservation);
  const result = await use(body.bytes);
  body.free();
  return result;
}

function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { stated, cap, pace: { timeoutMs, leastSpeed }, tooLarge }: ReceiveOptions,
  reservation: Reservation,
): Promise<GrowingBuffer> {
  sendContinue(request, response);
  return new Promise((resolve, reject) => {
    const most = stated ?? cap;
    const body = new GrowingBuffer(most);
    const leastBytes = (leastSpeed * SPEED_WINDOW_MS) / 1000;
    let ofWindow = 0;

    const settle = (act: () => void) => {
      timer.clear();
      window?.clear();
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose).pause();
      act();
    };
    const fail = (error: unknown) => settle(() => reject(error));
    const startWindow = () => {
      ofWindow = 0;
      return startTimer(SPEED_WINDOW_MS, () => {
        const detail = `less than ${leastBytes} bytes of the body arrived in ${SPEED_WINDOW_MS / 1000} s`;
        fail(new FacequeueError('request_timeout', detail));
      });
    };
    const onData = (chunk: Buffer) => {
      const length = body.length + chunk.length;
      if (length > most) return fail(tooLarge());
      try {
        reservation.resize(length);
      } catch (error) {
        return fail(error);
      }
      body.append(chunk);
      ofWindow += chunk.length;
      if (!window || ofWindow < leastBytes) return;
      window.clear();
      window = startWindow();
    };
    const onEnd = () => settle(() => resolve(body));
    const onClose = () => fail(new ClientDisconnected('the client disconnected while it was sending'));
    const timer = startTimer(timeoutMs, () => {
      fail(new FacequeueError('request_timeout', `the body did not arrive within ${timeoutMs} ms`));
    });
    let window = leastBytes > 0 ? startWindow() : null;

    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    // It may have been closed before, while Redis was asked whether there is room.
    if (request.destroyed) onClose();
  });
}
