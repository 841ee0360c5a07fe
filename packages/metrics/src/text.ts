/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. */

export type Labels = Readonly<Record<string, string>>;

/** A metric with all its series. */
export type Family = { name: string; help: string } & (
  | { kind: 'counter' | 'gauge'; series: readonly { labels: Labels; value: number }[] }
  | {
      kind: 'histogram';
      /** Upper bounds, ascending, without the infinite one. */
      buckets: readonly number[];
      /** `counts` by bucket, the infinite one last; not cumulative. */
      series: readonly { labels: Labels; counts: readonly number[]; sum: number }[];
    }
);

/** @returns the family's lines; nothing when it has no series */
export function familyText(family: Family): string {
  const { name, help, kind } = family;
  if (family.series.length === 0) return '';
  const lines = [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${kind}`];
  if (family.kind !== 'histogram') {
    for (const { labels, value } of family.series) lines.push(`${name}${braces(labels)} ${number(value)}`);
    return `${lines.join('\n')}\n`;
  }
  const bounds = [...family.buckets, Number.POSITIVE_INFINITY].map(number);
  for (const { labels, counts, sum } of family.series) {
    let total = 0;
    counts.forEach((count, i) => {
      total += count;
      lines.push(`${name}_bucket${braces({ ...labels, le: bounds[i]! })} ${total}`);
    });
    lines.push(`${name}_sum${braces(labels)} ${number(sum)}`, `${name}_count${braces(labels)} ${total}`);
  }
  return `${lines.join('\n')}\n`;
}

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
