import type { Scope } from '@facequeue/schema/scopes';

/** Who makes a call, and what it may do. */
export interface Caller {
  /** Name of its API key, to which its jobs, batches and cameras belong; empty without API keys. */
  readonly owner: string;
  readonly scopes: ReadonlySet<Scope>;
}
