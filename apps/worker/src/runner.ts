/** One kind of work a worker does: images, tasks of batches, or webhooks. Running from the moment it is made. */
export interface Runner {
  /** Takes nothing new; resolves when the active work has ended. */
  drain(): Promise<void>;
  /** Releases the active work, so that another worker takes it. `drain` resolves soon after. */
  abort(): void;
  /** Ends processes and connections. Call it when nothing is active any more. */
  close(): Promise<void>;
}
