import type { IncomingMessage, ServerResponse } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { startTimer } from '@facequeue/time';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { sendContinue } from '../http/expect-continue.ts';

/**
 * The time-out starts again after this many bytes. A client that sends 64 MB over a slow line may need an hour; one that sends nothing
 * is cut off after the time-out.
 */
const STEP_BYTES = 1 << 20;

export interface ChunkLimits {
  /** Largest body, bytes. */
  cap: number;
  /** Makes the error for a body that exceeds the cap. */
  tooLarge: () => Error;
  /** Time for each megabyte. The time between a chunk and the request for the next one does not count. */
  timeoutMs: number;
  /** After this long without data an empty chunk is yielded. */
  idleMs: number;
  /** Stops receiving. */
  signal: AbortSignal;
}

/**
 * Yields a body chunk by chunk as it arrives, and reads nothing between chunks. A client that sent `Expect: 100-continue` is told to
 * continue when the first chunk is requested. The answer discards the rest of a body (see http/discard-body.ts).
 * @throws request_timeout, the error of `tooLarge`, ClientDisconnected, unavailable when `signal` aborts
 */
export async function* bodyChunks(
  request: IncomingMessage,
  response: ServerResponse,
  { cap, tooLarge, timeoutMs, idleMs, signal }: ChunkLimits,
): AsyncGenerator<Buffer, void> {
  sendContinue(request, response);
  let received = 0;
  let step = 0;
  let leftMs = timeoutMs;
  let idle = false;
  for (;;) {
    const startedAt = performance.now();
    const chunk = await nextChunk(request, idle ? leftMs : Math.min(leftMs, idleMs), signal);
    if (chunk === 'end') return;
    leftMs -= performance.now() - startedAt;
    idle = chunk === 'timeout';
    if (chunk === 'timeout') {
      if (leftMs <= 0) throw new FacequeueError('request_timeout', timeoutDetail(timeoutMs));
      yield EMPTY;
      continue;
    }
    received += chunk.length;
    step += chunk.length;
    if (step >= STEP_BYTES) {
      step = 0;
      leftMs = timeoutMs;
    }
    if (received > cap) throw tooLarge();
    yield chunk;
  }
}

const EMPTY = Buffer.alloc(0);
const timeoutDetail = (ms: number) => `a megabyte of the body, or the rest of it, did not arrive within ${ms} ms`;

/** What arrives within `ms`. */
function nextChunk(request: IncomingMessage, ms: number, signal: AbortSignal): Promise<Buffer | 'end' | 'timeout'> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      timer.clear();
      signal.removeEventListener('abort', onAbort);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose).pause();
      act();
    };
    const onData = (chunk: Buffer) => settle(() => resolve(chunk));
    const onEnd = () => settle(() => resolve('end'));
    const onClose = () => settle(() => reject(new ClientDisconnected('the client disconnected while it was sending')));
    const onAbort = () => settle(() => reject(new FacequeueError('unavailable', 'this gateway is shutting down')));
    const timer = startTimer(ms, () => settle(() => resolve('timeout')));
    signal.addEventListener('abort', onAbort);
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    // The end may have been emitted after the last chunk, without a listener.
    if (request.readableEnded) onEnd();
    else if (request.destroyed) onClose();
    else if (signal.aborted) onAbort();
    else request.resume();
  });
}
