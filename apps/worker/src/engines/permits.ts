import { nextPriorityClass, type PriorityClass } from './priority.ts';

interface PermitRequest<R> {
  readonly resolve: (resource: R) => void;
}

/**
 * Hands out resources (engine supervisors) one holder at a time: within a lane first come first served, between lanes as
 * `nextPriorityClass` says. What is given back is offered again; a resource out of order is withdrawn and offered when it works.
 */
export class Permits<R> {
  readonly #free = new Set<R>();
  readonly #lines: Record<PriorityClass, Set<PermitRequest<R>>> = { interactive: new Set(), others: new Set() };
  #passedOver = 0;

  /** The resource is in working order and nobody holds it: it goes to the next in line, or waits to be asked for. */
  offer(resource: R): void {
    this.#free.add(resource);
    this.#match();
  }

  /** The resource is not to be given to anybody until it is offered again. No effect on a holder. */
  withdraw(resource: R): void {
    this.#free.delete(resource);
  }

  /** How many wait in a lane. */
  waiting(lane: PriorityClass): number {
    return this.#lines[lane].size;
  }

  /**
   * Waits for a resource; whoever gets it must `offer` it again.
   * @throws the signal's reason once it aborts; the place in the line is then given up
   */
  async acquire(lane: PriorityClass, signal: AbortSignal): Promise<R> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const request = { resolve };
    const abort = () => {
      this.#lines[lane].delete(request);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#lines[lane].add(request);
    this.#match();
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  #match(): void {
    while (this.#free.size > 0) {
      const lane = nextPriorityClass(
        { interactive: this.#lines.interactive.size, others: this.#lines.others.size },
        this.#passedOver,
      );
      if (!lane) return;
      // The resource freed last is the one whose memory is still in the caches.
      const resource = [...this.#free].at(-1)!;
      const [request] = this.#lines[lane];
      this.#free.delete(resource);
      this.#lines[lane].delete(request!);
      this.#passedOver = lane === 'others' ? 0 : this.#passedOver + 1;
      request!.resolve(resource);
    }
  }
}
