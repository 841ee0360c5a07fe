import type { ServerResponse } from 'node:http';
import { FacequeueError, type RefusalReason } from '@facequeue/schema';
import { nameOfFlow } from '../auth/flow.ts';
import { FlowShares } from './flow-shares.ts';

export interface FlowPlacesOptions {
  /** Of all flows together, in this gateway. */
  limit: number;
  /** What occupies a place, for the text of an error: `streams open`. */
  what: string;
  reason: RefusalReason;
}

/** When a refused caller may try again, ms. */
const RETRY_AFTER_MS = 1000;

/** Bounds the answers of one kind that are open in this gateway, and each flow's share of them. */
export class FlowPlaces {
  readonly #options: FlowPlacesOptions;
  readonly #shares: FlowShares;

  constructor(options: FlowPlacesOptions) {
    this.#options = options;
    this.#shares = new FlowShares(options.limit);
  }

  get used(): number {
    return this.#shares.used;
  }

  /**
   * Takes a place until the answer is complete or its client has disconnected.
   * @throws quota_exceeded when the flow has its share, queue_full when no place is left
   */
  take(flow: string, response: ServerResponse): void {
    const { what, reason } = this.#options;
    const obstacle = this.#shares.obstacle(flow, 1);
    const retryAfterMs = RETRY_AFTER_MS;
    if (obstacle === 'share') {
      throw new FacequeueError('quota_exceeded', `${nameOfFlow(flow)} has as many ${what} as it may`, { retryAfterMs });
    }
    if (obstacle === 'full') throw new FacequeueError('queue_full', `too many ${what}`, { retryAfterMs, reason });
    // The client may have disconnected while something else was awaited.
    if (response.closed) return;
    this.#shares.add(flow, 1);
    response.once('close', () => this.#shares.add(flow, -1));
  }
}
