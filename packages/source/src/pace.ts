import type { Deadline } from '@facequeue/time';
import { timedOut } from './errors.ts';

/** The least speed of a body, as bytes in a window of time; with 0 bytes there is none. */
export interface LeastSpeed {
  bytes: number;
  windowMs: number;
}

/** The watch over one body. Dispose it when the body has ended. */
export interface Pace extends Disposable {
  /** Counts bytes that have arrived. */
  arrived(bytes: number): void;
}

/**
 * Aborts the deadline's signal with source_timeout when fewer than `bytes` arrive in `windowMs`. A window begins when the one
 * before it is full.
 * @param sender the other side, for the public text
 */
export function watchPace(deadline: Deadline, { bytes, windowMs }: LeastSpeed, sender: string): Pace {
  const tooSlow = () => timedOut(`the ${sender} sent less than ${bytes} bytes of the image in ${windowMs / 1000} s`);
  if (bytes === 0) return { arrived() {}, [Symbol.dispose]() {} };
  let window = deadline.phase(windowMs, tooSlow);
  let received = 0;
  return {
    arrived(count) {
      received += count;
      if (received < bytes) return;
      received = 0;
      window[Symbol.dispose]();
      window = deadline.phase(windowMs, tooSlow);
    },
    [Symbol.dispose]: () => window[Symbol.dispose](),
  };
}
