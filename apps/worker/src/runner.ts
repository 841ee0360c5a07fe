/** One kind of work a worker does: images, tasks of batches, or webhooks. It runs from its creation. */
export interface Runner {
  /** Takes nothing new; resolves when the active work has ended. */
  drain(): Promise<void>;
  /** Releases the active work, so that another worker takes it. `drain` resolves soon after. */
  abort(): void;
  /** Ends processes and connections. Call it when no work is active. */
  close(): Promise<void>;
}
