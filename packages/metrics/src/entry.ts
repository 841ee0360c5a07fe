/** What a label may say: one of these values; or, where code bounds it in another way, a text that tells the docs what it says. */
export type LabelValues = readonly string[] | string;

/** The two kinds of processes that have metrics. */
export type App = 'gateway' | 'worker';

/** One metric of the catalogue. Names say the unit, as Prometheus has it: seconds and bytes. */
export interface MetricEntry<L extends Record<string, LabelValues> = Record<string, LabelValues>> {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly apps: readonly App[];
  readonly help: string;
  readonly labels: L;
  /** Upper bounds of a histogram's buckets, ascending, without the last, infinite one. */
  readonly buckets?: readonly number[];
}

const NONE = {};

export function counter<const L extends Record<string, LabelValues> = typeof NONE>(
  apps: readonly App[],
  help: string,
  labels: L = NONE as L,
) {
  return { kind: 'counter', apps, help, labels } as const;
}

export function gauge<const L extends Record<string, LabelValues> = typeof NONE>(
  apps: readonly App[],
  help: string,
  labels: L = NONE as L,
) {
  return { kind: 'gauge', apps, help, labels } as const;
}

export function histogram<const L extends Record<string, LabelValues> = typeof NONE>(
  apps: readonly App[],
  help: string,
  buckets: readonly number[],
  labels: L = NONE as L,
) {
  return { kind: 'histogram', apps, help, buckets, labels } as const;
}
