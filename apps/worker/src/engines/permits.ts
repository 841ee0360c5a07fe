import { nextPriorityClass, type PriorityClass } from './priority.ts';

interface PermitRequest<R> {
  readonly flow: string;
  readonly resolve: (resource: R) => void;
}

/**
 * Grants exclusive use of resources (engines): between priority classes as `nextPriorityClass` decides; within a class to the flow that
 * uses the fewest, not to one flow twice in a row if two use as many, and within a flow first come, first served. Jobs are claimed in
 * fair turns; this keeps those claimed ahead by one flow from being before a later one of another. A holder offers its resource again when it is done. A broken resource is withdrawn and offered
 * again once it works.
 */
export class Permits<R> {
  readonly #free = new Set<R>();
  readonly #queues: Record<PriorityClass, Set<PermitRequest<R>>> = { interactive: new Set(), others: new Set() };
  /** Flows by the resources that they use. */
  readonly #inUse = new Map<R, string>();
  #lastFlow = '';
  #passedOver = 0;

  /** Makes a working resource that nobody uses available to the next request. */
  offer(resource: R): void {
    this.#inUse.delete(resource);
    this.#free.add(resource);
    this.#match();
  }

  /** Grants the resource to no request until it is offered again. No effect on its current user. */
  withdraw(resource: R): void {
    this.#free.delete(resource);
  }

  /** How many requests of a class wait. */
  queued(priority: PriorityClass): number {
    return this.#queues[priority].size;
  }

  /**
   * Waits for a resource; the caller must `offer` it again when done.
   * @throws the signal's reason once it aborts; the request leaves its queue
   */
  async acquire(priority: PriorityClass, flow: string, signal: AbortSignal): Promise<R> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const request = { flow, resolve };
    const abort = () => {
      this.#queues[priority].delete(request);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort);
    this.#queues[priority].add(request);
    this.#match();
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  #match(): void {
    while (this.#free.size > 0) {
      const priority = nextPriorityClass(
        { interactive: this.queued('interactive'), others: this.queued('others') },
        this.#passedOver,
      );
      if (!priority) return;
      // The memory of the resource freed last is most likely still in the caches.
      const resource = [...this.#free].at(-1)!;
      const request = this.#next(priority);
      this.#free.delete(resource);
      this.#queues[priority].delete(request);
      this.#inUse.set(resource, request.flow);
      this.#lastFlow = request.flow;
      this.#passedOver = priority === 'others' ? 0 : this.#passedOver + 1;
      request.resolve(resource);
    }
  }

  #next(priority: PriorityClass): PermitRequest<R> {
    const uses = new Map<string, number>();
    for (const flow of this.#inUse.values()) uses.set(flow, (uses.get(flow) ?? 0) + 1);
    const rank = ({ flow }: PermitRequest<R>) => (uses.get(flow) ?? 0) + (flow === this.#lastFlow ? 0.5 : 0);
    const queued = [...this.#queues[priority]];
    return queued.reduce((first, request) => (rank(request) < rank(first) ? request : first));
  }
}
