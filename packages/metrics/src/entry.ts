/** The values a label may have: a list of them; or, where code bounds them in another way, a description for the docs. */
export type LabelValues = readonly string[] | string;

/** The two kinds of process that have metrics. */
export type App = 'gateway' | 'worker';

/** One metric of the catalogue. Names end in the unit, as Prometheus recommends: seconds and bytes. */
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
