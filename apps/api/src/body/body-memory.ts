import { FacequeueError } from '@facequeue/schema';
import { FlowShares } from '../admission/flow-shares.ts';
import { nameOfFlow } from '../auth/flow.ts';

/** Bytes reserved in the body memory. Disposing releases them; a second time does nothing. */
export interface Reservation extends Disposable {
  /**
   * Changes the reservation to `bytes` in all.
   * @throws quota_exceeded, queue_full when it grows and the difference does not fit
   */
  resize(bytes: number): void;
}

/** When a client may try again, ms: a body occupies memory for as long as its client sends. */
const RETRY_AFTER_MS = 1000;

/** Bounds the memory of all request bodies in this gateway, and each flow's share of it. A body reserves what has arrived of it. */
export class BodyMemory {
  readonly #shares: FlowShares;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#shares = new FlowShares(limit);
  }

  get used(): number {
    return this.#shares.used;
  }

  /**
   * Reserves nothing yet.
   * @param expected bytes that the body may come to: refused now if they do not fit now
   * @throws quota_exceeded when the flow has its share, queue_full when the memory is full
   */
  reserve(flow: string, expected: number): Reservation {
    let reserved = 0;
    const refuseUnlessRoom = (more: number) => {
      const obstacle = this.#shares.obstacle(flow, more, reserved);
      if (obstacle === 'share') {
        const detail = `${nameOfFlow(flow)} has as many bytes of request bodies in memory as it may`;
        throw new FacequeueError('quota_exceeded', detail, { retryAfterMs: RETRY_AFTER_MS });
      }
      if (obstacle === 'full') {
        throw new FacequeueError('queue_full', 'too many request bodies are being received', {
          retryAfterMs: RETRY_AFTER_MS,
          reason: 'bodies',
        });
      }
    };
    const resize = (size: number) => {
      if (size > reserved) refuseUnlessRoom(size - reserved);
      this.#shares.add(flow, size - reserved);
      reserved = size;
    };
    refuseUnlessRoom(expected);
    return { resize, [Symbol.dispose]: () => resize(0) };
  }
}
