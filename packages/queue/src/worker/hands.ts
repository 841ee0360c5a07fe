/** A job this process has in hand: BullMQ has delivered it and its handler has not returned. */
export class Hand {
  readonly id: string;
  readonly #controller = new AbortController();
  /** The claim's attempt number, once claimed. */
  attempt: number | null = null;
  /** Milliseconds after which it shall be delivered again; null when it is done with. */
  againAfterMs: number | null = null;

  constructor(id: string) {
    this.id = id;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Tells the handler that its outcome is no longer wanted. */
  drop(why: string): void {
    this.#controller.abort(new Error(why));
  }
}

/** All jobs in hand, by id. */
export class Hands {
  readonly #byId = new Map<string, Hand>();

  /** A job delivered again while its older handler still runs is the newer handler's: the older one is dropped. */
  take(id: string): Hand {
    this.#byId.get(id)?.drop('delivered again');
    const hand = new Hand(id);
    this.#byId.set(id, hand);
    return hand;
  }

  put(hand: Hand): void {
    if (this.#byId.get(hand.id) === hand) this.#byId.delete(hand.id);
  }

  get(id: string): Hand | undefined {
    return this.#byId.get(id);
  }

  get ids(): string[] {
    return [...this.#byId.keys()];
  }
}
