import { FacequeueError } from '@facequeue/schema';

/** Bytes reserved in the body memory. Disposing releases them; a second time does nothing. */
export interface Reservation extends Disposable {
  /**
   * Changes the reservation to `bytes` in all.
   * @throws queue_full when it grows and the difference does not fit
   */
  resize(bytes: number): void;
}

/** When a client may try again, ms: a body occupies memory for as long as its client sends. */
const RETRY_AFTER_MS = 1000;

/** Bounds the memory of all request bodies in this gateway: each reserves what it may grow to before it is read, or more as it grows. */
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
  reserve(bytes: number): Reservation {
    let reserved = 0;
    const resize = (size: number) => {
      if (size > reserved && this.#used - reserved + size > this.#limit) {
        throw new FacequeueError('queue_full', 'too many request bodies are being received', {
          retryAfterMs: RETRY_AFTER_MS,
          reason: 'bodies',
        });
      }
      this.#used += size - reserved;
      reserved = size;
    };
    resize(bytes);
    return { resize, [Symbol.dispose]: () => resize(0) };
  }
}
