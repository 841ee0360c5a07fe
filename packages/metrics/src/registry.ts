import { METRICS, type MetricEntry, type MetricName } from './catalogue.ts';
import type { App } from './entry.ts';
import { type Family, familyText, type Labels } from './text.ts';

/** `Content-Type` of a registry's text. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Series of a counter that are there with 0 from the beginning, so that the first event shows as a rise: those of small metrics. */
const MOST_ZEROS = 128;

type Catalogue = typeof METRICS;
type NamesOf<K extends MetricEntry['kind']> = {
  [N in MetricName]: Catalogue[N]['kind'] extends K ? N : never;
}[MetricName];

/** The labels a metric takes, each with the values the catalogue has for it. */
export type LabelsOf<N extends MetricName> = {
  readonly [L in keyof Catalogue[N]['labels']]: Catalogue[N]['labels'][L] extends readonly (infer V)[] ? V : string;
};

/** A figure that is read when somebody asks, in place of one that is counted. */
export type Sample = {
  [N in NamesOf<'gauge' | 'counter'>]: { name: N; labels: LabelsOf<N>; value: number };
}[NamesOf<'gauge' | 'counter'>];

interface Histogram {
  labels: Labels;
  /** Observations by bucket, the infinite one last; not cumulative. */
  counts: number[];
  sum: number;
}

/** The metrics of one process: counted as things happen, read when somebody asks. */
export class Registry {
  readonly #entries: [MetricName, MetricEntry][];
  readonly #counters = new Map<MetricName, Series<{ labels: Labels; value: number }>>();
  readonly #histograms = new Map<MetricName, Series<Histogram>>();
  readonly #readers = new Set<() => readonly Sample[] | Promise<readonly Sample[]>>();

  /** @param app whose metrics: the others of the catalogue are left out */
  constructor(app: App) {
    const all = Object.entries(METRICS) as [MetricName, MetricEntry][];
    this.#entries = all.filter(([, { apps }]) => apps.includes(app));
    for (const [name, { kind, labels, buckets }] of this.#entries) {
      if (kind === 'counter') {
        const series = new Series(Object.keys(labels), (own) => ({ labels: own, value: 0 }));
        for (const each of zeros(labels)) series.of(each);
        this.#counters.set(name, series);
      }
      if (kind === 'histogram') {
        const counts = new Array<number>(buckets!.length + 1).fill(0);
        this.#histograms.set(
          name,
          new Series(Object.keys(labels), (own) => ({ labels: own, counts: [...counts], sum: 0 })),
        );
      }
    }
  }

  /** Counts `by` more. */
  count<N extends NamesOf<'counter'>>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#counters.get(name)!.of(labels as Labels).value += by;
  }

  /** Takes one value into a histogram. */
  observe<N extends NamesOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void {
    const buckets: readonly number[] = METRICS[name].buckets;
    const one = this.#histograms.get(name)!.of(labels as Labels);
    let bucket = 0;
    while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
    one.counts[bucket]!++;
    one.sum += value;
  }

  /**
   * Has `reader` asked at every scrape. Readers must bear being asked at any time, several at once.
   * @returns what ends that
   */
  read(reader: () => readonly Sample[] | Promise<readonly Sample[]>): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /**
   * All metrics in Prometheus' text format, version 0.0.4.
   * @throws what a reader throws
   */
  async text(): Promise<string> {
    const samples = (await Promise.all([...this.#readers].map((reader) => reader()))).flat();
    const read = Map.groupBy(samples, ({ name }): MetricName => name);
    const families = this.#entries.map(([name, { kind, help, buckets }]): Family => {
      if (kind === 'histogram')
        return { name, kind, help, buckets: buckets!, series: this.#histograms.get(name)!.all() };
      return { name, kind, help, series: read.get(name) ?? this.#counters.get(name)?.all() ?? [] };
    });
    return families.map(familyText).join('');
  }
}

/** The series of one metric, by their label values. */
class Series<T> {
  readonly #labels: readonly string[];
  readonly #make: (labels: Labels) => T;
  readonly #byKey = new Map<string, T>();

  constructor(labels: readonly string[], make: (labels: Labels) => T) {
    this.#labels = labels;
    this.#make = make;
  }

  /** The one of these values, made when it is not there. */
  of(labels: Labels): T {
    let key = '';
    // In the catalogue's order, whatever order they were given in. No value has a line break in it.
    for (const label of this.#labels) key += `${labels[label]}\n`;
    const known = this.#byKey.get(key);
    if (known) return known;
    const made = this.#make({ ...labels });
    this.#byKey.set(key, made);
    return made;
  }

  all(): T[] {
    return [...this.#byKey.values()];
  }
}

/** Every combination of a metric's label values; none when they are not all known, or too many. */
function zeros(labels: MetricEntry['labels']): Labels[] {
  let all: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (typeof values === 'string') return [];
    all = all.flatMap((one) => values.map((value) => ({ ...one, [label]: value })));
    if (all.length > MOST_ZEROS) return [];
  }
  return all;
}
