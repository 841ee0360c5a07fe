/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, its connection and its pauses; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}
