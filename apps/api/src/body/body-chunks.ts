import type { IncomingMessage, ServerResponse } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { ClientDisconnected } from '../http/client-disconnected.ts';

/** As much of a body has the time that a whole one has: who sends 64 MB as fast as he must needs an hour, who sends nothing a minute. */
const STEP_BYTES = 1 << 20;

export interface ChunkLimits {
  /** Most bytes of the body. */
  cap: number;
  /** Made when it passes them. */
  tooLarge: () => Error;
  /** Time for each megabyte. What passes between pieces, until the next one is asked for, does not count. */
  timeoutMs: number;
  /** After so long without a piece an empty one says that there is none now. */
  idleMs: number;
  /** Ends it. */
  signal: AbortSignal;
}

/**
 * A body piece by piece as it arrives; nothing more is read until the next piece is asked for. A client that asked first
 * (`Expect: 100-continue`) is told to go on with the first one. What is not read is left to the answer (see http/discard-body.ts).
 * @throws request_timeout, what `tooLarge` makes, ClientDisconnected, unavailable when `signal` aborts
 */
export async function* bodyChunks(
  request: IncomingMessage,
  response: ServerResponse,
  { cap, tooLarge, timeoutMs, idleMs, signal }: ChunkLimits,
): AsyncGenerator<Buffer, void> {
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  let received = 0;
  let step = 0;
  let leftMs = timeoutMs;
  let idle = false;
  for (;;) {
    const asked = performance.now();
    const piece = await nextPiece(request, idle ? leftMs : Math.min(leftMs, idleMs), signal);
    if (piece === 'end') return;
    leftMs -= performance.now() - asked;
    idle = piece === 'late';
    if (piece === 'late') {
      if (leftMs <= 0) throw new FacequeueError('request_timeout', lateText(timeoutMs));
      yield NOTHING;
      continue;
    }
    received += piece.length;
    step += piece.length;
    if (step >= STEP_BYTES) {
      step = 0;
      leftMs = timeoutMs;
    }
    if (received > cap) throw tooLarge();
    yield piece;
  }
}

const NOTHING = Buffer.alloc(0);
const lateText = (ms: number) => `a megabyte of the body, or the rest of it, was not here within ${ms} ms`;

/** What comes within `ms`. */
function nextPiece(request: IncomingMessage, ms: number, signal: AbortSignal): Promise<Buffer | 'end' | 'late'> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose).pause();
      act();
    };
    const onData = (piece: Buffer) => settle(() => resolve(piece));
    const onEnd = () => settle(() => resolve('end'));
    const onClose = () => settle(() => reject(new ClientDisconnected('the client went away while it was sending')));
    const onAbort = () => settle(() => reject(new FacequeueError('unavailable', 'this gateway is about to end')));
    const timer = setTimeout(() => settle(() => resolve('late')), ms);
    signal.addEventListener('abort', onAbort);
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    // Its end may be told behind the last piece, when nobody listens.
    if (request.readableEnded) onEnd();
    else if (request.destroyed) onClose();
    else if (signal.aborted) onAbort();
    else request.resume();
  });
}
