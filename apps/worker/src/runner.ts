/** One of the things a worker does, running. */
export interface Runner {
  /** Takes nothing new; resolves when what is in hand is done. */
  drain(): Promise<void>;
  /** Gives up what is in hand, so that it goes to another worker. `drain` resolves soon then. */
  abort(): void;
  /** Ends processes and connections. Nothing is in hand any more. */
  end(): Promise<void>;
}
