/** What a flow may have, in times of what it leaves free: one flow alone gets seven eighths. */
const TIMES_FREE = 7;

/** Why a flow gets no more: it has its share, or nothing is left of the whole. */
export type ShareObstacle = 'share' | 'full';

/**
 * Something finite that flows share: bytes, streams, connections. A flow may have seven times as much as it leaves free (a dynamic
 * threshold; Choudhury and Hahne 1998). One flow alone gets all but an eighth, two get seven fifteenths each, and whoever comes next
 * always finds a part that is free. What has nothing yet may take any part that fits.
 */
export class FlowShares {
  readonly #limit: number;
  /** By flow; what belongs to none is not in it. */
  readonly #ofFlows = new Map<string, number>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /**
   * What keeps a flow from having `count` more; null when nothing does.
   * @param flow null: what is taken belongs to no flow, and only the whole binds
   * @param reserved what the flow has already of the thing that grows: a flow that has nothing else may exceed its share
   */
  obstacle(flow: string | null, count: number, reserved = 0): ShareObstacle | null {
    const before = flow === null ? reserved : (this.#ofFlows.get(flow) ?? 0);
    const own = before + count;
    const free = this.#limit - this.#used - count;
    const first = before === reserved;
    // Even alone it could not have so much, so it is not for others that it is refused.
    if (!first && own > TIMES_FREE * (this.#limit - own)) return 'share';
    if (free < 0) return 'full';
    return !first && own > TIMES_FREE * free ? 'share' : null;
  }

  /** @param count below 0 gives back */
  add(flow: string | null, count: number): void {
    this.#used += count;
    if (flow === null) return;
    const own = (this.#ofFlows.get(flow) ?? 0) + count;
    if (own === 0) this.#ofFlows.delete(flow);
    else this.#ofFlows.set(flow, own);
  }
}
