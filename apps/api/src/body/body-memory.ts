import { FacequeueError } from '@facequeue/schema';

/** Bytes taken from a body memory; disposing gives back what is left of them, once. */
export interface Lease extends Disposable {
  /**
   * Holds `bytes` from now on.
   * @throws queue_full when those are more than before and do not fit
   */
  keep(bytes: number): void;
}

/** How soon a place may come free: a body is held for as long as its client sends. */
const RETRY_AFTER_MS = 1000;

/** Bounds the memory of all request bodies of this gateway: each reserves what it may grow to before it is read, or takes more as it grows. */
export class BodyMemory {
  readonly #limit: number;
  #used = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** @throws queue_full when `bytes` more do not fit */
  take(bytes: number): Lease {
    let held = 0;
    const keep = (kept: number) => {
      if (kept > held && this.#used - held + kept > this.#limit) {
        throw new FacequeueError('queue_full', 'too many request bodies are being received', {
          retryAfterMs: RETRY_AFTER_MS,
          reason: 'bodies',
        });
      }
      this.#used += kept - held;
      held = kept;
    };
    keep(bytes);
    return { keep, [Symbol.dispose]: () => keep(0) };
  }
}
