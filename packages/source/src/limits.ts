/** Limits of one fetch. */
export interface SourceLimits {
  /** Largest image, bytes. */
  maxBytes: number;
  /** Milliseconds to look up a name and connect, TLS included; each redirect has this time again. */
  connectMs: number;
  /** Milliseconds until the headers of an answer arrive, connecting included; each redirect has this time again. */
  headersMs: number;
  /** Milliseconds for everything, redirects and slow bodies included. */
  totalMs: number;
  maxRedirects: number;
}
