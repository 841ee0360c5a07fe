import type { LeastSpeed } from './pace.ts';

/** Limits of one fetch. */
export interface SourceLimits {
  /** Largest image, bytes. */
  maxBytes: number;
  /** Milliseconds to look up a name and connect, TLS included; each redirect has its own. */
  connectMs: number;
  /** Milliseconds until the headers of an answer arrive, connecting included; each redirect has its own. */
  headersMs: number;
  /** Milliseconds for the whole fetch, redirects and slow bodies included. */
  totalMs: number;
  leastSpeed: LeastSpeed;
  maxRedirects: number;
}
