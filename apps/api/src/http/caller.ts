import type { CallRate } from '@facequeue/queue';
import { SOURCE_KINDS, type SourceKind } from '@facequeue/schema';
import type { Scope } from '@facequeue/schema/scopes';

/** Who makes a call, and what it may do. */
export interface Caller {
  /** Name of its API key, to which its jobs, batches and cameras belong; empty without API keys. */
  readonly owner: string;
  /**
   * Whose turns and shares its work counts in: the name of its API key, or without keys its address (see auth/flow.ts). It gives no
   * access to anything.
   */
  readonly flow: string;
  readonly scopes: ReadonlySet<Scope>;
  /** How often it may call; null without a limit, as the others. */
  readonly rate: CallRate | null;
  /** How many of its calls may be in progress. */
  readonly concurrent: number | null;
  /** How many jobs, items and frames of it may wait. */
  readonly waiting: number | null;
  /** Largest image that it may send or have fetched, bytes. */
  readonly maxImageBytes: number | null;
  readonly sources: ReadonlySet<SourceKind>;
}

/** What limits a caller whose key has no limits, or who needs none. */
export const NO_LIMITS = {
  rate: null,
  concurrent: null,
  waiting: null,
  maxImageBytes: null,
  sources: new Set(SOURCE_KINDS),
} satisfies Partial<Caller>;
