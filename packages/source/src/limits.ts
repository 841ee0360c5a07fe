/** Bounds of one fetch. */
export interface SourceLimits {
  /** Bytes of image. */
  maxBytes: number;
  /** Milliseconds to look up a name and connect, TLS included; anew for each redirect. */
  connectMs: number;
  /** Milliseconds until the headers of an answer are there, connecting included; anew for each redirect. */
  headersMs: number;
  /** Milliseconds for everything, redirects and slow bodies included. */
  totalMs: number;
  maxRedirects: number;
}
