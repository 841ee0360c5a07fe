import { Counter, Gauge, Histogram, Registry as PromRegistry } from 'prom-client';
import { METRICS, type MetricEntry, type MetricName } from './catalogue.ts';
import type { App } from './entry.ts';

/** `Content-Type` of a registry's text. */
export const CONTENT_TYPE: string = PromRegistry.PROMETHEUS_CONTENT_TYPE;

/** Counters with at most this many series have all of them from the start, at 0; the first event is then visible as an increase. */
const MAX_ZEROS = 128;

type Catalogue = typeof METRICS;
type NamesOf<K extends MetricEntry['kind']> = {
  [N in MetricName]: Catalogue[N]['kind'] extends K ? N : never;
}[MetricName];

/** The labels of a metric, each with its values in the catalogue. */
export type LabelsOf<N extends MetricName> = {
  readonly [L in keyof Catalogue[N]['labels']]: Catalogue[N]['labels'][L] extends readonly (infer V)[] ? V : string;
};

/** A value that is read at a scrape instead of counted as events happen. */
export type Sample = {
  [N in NamesOf<'gauge' | 'counter'>]: { name: N; labels: LabelsOf<N>; value: number };
}[NamesOf<'gauge' | 'counter'>];

type Labels = Record<string, string>;

/**
 * The metrics of one process: counted as events happen, or read at each scrape.
 * @example
 * const metrics = new Registry('worker');
 * metrics.count('facequeue_tasks_total', { kind: 'list', outcome: 'done' });
 * response.end(await metrics.text());
 */
export class Registry {
  readonly #entries: [MetricName, MetricEntry][];
  readonly #counted = new PromRegistry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #readers = new Set<() => readonly Sample[] | Promise<readonly Sample[]>>();

  /** @param app the kind of process; metrics of other kinds are left out */
  constructor(app: App) {
    const all = Object.entries(METRICS) as [MetricName, MetricEntry][];
    this.#entries = all.filter(([, { apps }]) => apps.includes(app));
    for (const [name, entry] of this.#entries) {
      if (entry.kind === 'counter') this.#counters.set(name, counter(name, entry, this.#counted));
      if (entry.kind === 'histogram') this.#histograms.set(name, histogram(name, entry, this.#counted));
    }
  }

  /** Increases a counter. */
  count<N extends NamesOf<'counter'>>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#counters.get(name)!.inc(labels as Labels, by);
  }

  /** Adds one value, a finite number, to a histogram. */
  observe<N extends NamesOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#histograms.get(name)!.observe(labels as Labels, value);
  }

  /**
   * Calls `reader` at every scrape. A reader may be called at any time, by several scrapes at once.
   * @returns a function that unregisters it
   */
  read(reader: () => readonly Sample[] | Promise<readonly Sample[]>): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /**
   * All metrics that have a series, in Prometheus' text format, version 0.0.4.
   * @throws the error of a reader
   */
  async text(): Promise<string> {
    const samples = (await Promise.all([...this.#readers].map((reader) => reader()))).flat();
    // A registry for each scrape: a value that its reader no longer reports is absent, and concurrent scrapes do not mix.
    const read = new PromRegistry();
    for (const [name, own] of Map.groupBy(samples, (sample): MetricName => sample.name)) readMetric(name, own, read);
    const families = await Promise.all(
      this.#entries.map(async ([name]) => {
        const registry = [read, this.#counted].find((each) => each.getSingleMetric(name));
        return registry ? familyText(registry, name) : '';
      }),
    );
    return families.join('');
  }
}

/** The lines of one metric; nothing when it has no series, where prom-client still writes its two comment lines. */
export async function familyText(registry: PromRegistry, name: string): Promise<string> {
  const text = await registry.getSingleMetricAsString(name);
  if (text.split('\n', 3).length < 3) return '';
  // prom-client 15 writes `Nan`. A line that ends in a label value or in a help text of the catalogue never ends so.
  return `${text.replaceAll(/ Nan$/gm, ' NaN')}\n`;
}

const configOf = (name: string, { help, labels }: MetricEntry, registry: PromRegistry) => ({
  name,
  help,
  labelNames: Object.keys(labels),
  registers: [registry],
});

function counter(name: string, entry: MetricEntry, registry: PromRegistry): Counter {
  const made = new Counter(configOf(name, entry, registry));
  for (const labels of zeros(entry.labels)) made.inc(labels, 0);
  return made;
}

function histogram(name: string, entry: MetricEntry, registry: PromRegistry): Histogram {
  return new Histogram({ ...configOf(name, entry, registry), buckets: [...entry.buckets!] });
}

/** A metric with the values of its readers. */
function readMetric(name: MetricName, samples: readonly Sample[], registry: PromRegistry): void {
  const entry: MetricEntry = METRICS[name];
  if (entry.kind === 'counter') {
    const made = new Counter(configOf(name, entry, registry));
    for (const { labels, value } of samples) made.inc(labels as Labels, value);
  } else {
    const made = new Gauge(configOf(name, entry, registry));
    for (const { labels, value } of samples) made.set(labels as Labels, value);
  }
}

/** Every combination of a metric's label values; none when a label has unknown values or there are too many combinations. */
function zeros(labels: MetricEntry['labels']): Labels[] {
  let all: Labels[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (typeof values === 'string') return [];
    all = all.flatMap((one) => values.map((value) => ({ ...one, [label]: value })));
    if (all.length > MAX_ZEROS) return [];
  }
  return all;
}
