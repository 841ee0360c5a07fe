/** What every call takes. */
export interface CallOptions {
  /** Ends the call, its connection and its pauses; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}
