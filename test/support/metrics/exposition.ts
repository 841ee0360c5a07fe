/** A strict parser of Prometheus' text format 0.0.4: a scrape that a server would refuse fails a test. */

export interface ScrapedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface ScrapedFamily {
  type: string;
  help: string;
  samples: ScrapedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/**
 * @returns families by name
 * @throws Error that quotes the wrong line: unknown syntax, a sample outside its family, a duplicate family or series, a histogram
 *   whose buckets do not add up
 */
export function parseExposition(text: string): Map<string, ScrapedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no line break');
  const families = new Map<string, ScrapedFamily>();
  const series = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (what: string): never => {
      throw new Error(`${what}: ${line}`);
    };
    const [, comment, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (comment === 'HELP') {
      if (!NAME.test(about)) fail('not a name');
      if (families.has(about)) fail('a family twice');
      if (!/^(?:[^\\]|\\[\\n])*$/.test(rest)) fail('a bad escape');
      families.set(about, { type: '', help: unescaped(rest), samples: [] });
      current = about;
    } else if (comment === 'TYPE') {
      const family = families.get(about);
      if (!family || about !== current || family.samples.length > 0) return fail('TYPE out of place');
      if (!['counter', 'gauge', 'histogram'].includes(rest)) fail('not a type');
      family.type = rest;
    } else {
      const [, name = '', braces = '', figure = ''] = SAMPLE.exec(line) ?? fail('not a line of the format');
      const family = families.get(current);
      const suffix = family?.type === 'histogram' ? /^_(bucket|sum|count)$/ : /^$/;
      if (!family || !name.startsWith(current) || !suffix.test(name.slice(current.length)))
        return fail('a sample outside its family');
      const labels = parseLabels(braces) ?? fail('bad labels');
      const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
      if (series.has(key)) fail('a series twice');
      series.add(key);
      const value = parseValue(figure);
      if (value === null) return fail('not a number');
      if (family.type === 'counter' && !(value >= 0)) fail('a negative counter');
      family.samples.push({ name, labels, value });
    }
  }
  for (const [name, family] of families) {
    if (!family.type) throw new Error(`${name} has no type`);
    if (family.type === 'histogram') checkHistogram(name, family.samples);
  }
  return families;
}

/**
 * The value of one series.
 * @param labels all labels of the series
 * @throws when there is none
 */
export function seriesValue(
  families: Map<string, ScrapedFamily>,
  name: string,
  labels: Record<string, string> = {},
): number {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  for (const { samples } of families.values())
    for (const sample of samples)
      if (sample.name === name && JSON.stringify(Object.entries(sample.labels).sort()) === wanted) return sample.value;
  throw new Error(`there is no ${name} ${wanted}`);
}

function parseLabels(text: string): Record<string, string> | null {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const match = LABEL.exec(text);
    if (!match || match[1]! in labels) return null;
    labels[match[1]!] = unescaped(match[2]!);
  }
  return labels;
}

const unescaped = (text: string) =>
  text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));

function parseValue(text: string): number | null {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : null;
}

/** Requires rising buckets, a last one that is infinite and equal to the count, and a sum. */
function checkHistogram(name: string, samples: ScrapedSample[]): void {
  const bySeries = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) =>
    JSON.stringify(Object.entries(rest).sort()),
  );
  for (const [labels, of] of bySeries) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((sample) => parseValue(sample.labels['le'] ?? '') ?? Number.NaN);
    const rising = (numbers: number[], strictly: boolean) =>
      numbers.every((each, i) => i === 0 || (strictly ? each > numbers[i - 1]! : each >= numbers[i - 1]!));
    const counts = buckets.map(({ value }) => value);
    const total = of.find((sample) => sample.name === `${name}_count`)?.value;
    const fine =
      rising(bounds, true) &&
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      rising(counts, false) &&
      counts.at(-1) === total &&
      of.some((sample) => sample.name === `${name}_sum`);
    if (!fine) throw new Error(`the histogram ${name} ${labels} does not add up`);
  }
}
