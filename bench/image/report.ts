/** A run as Markdown. */
import type { FootprintFigures } from './footprint.ts';
import { cpuRatio, medianOf, ownCpu, type Row, rateRatio } from './results.ts';
import type { StageCost } from './stages.ts';
import { reached, type Target } from './targets.ts';

/** A number with as many digits as one reads. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '';
  if (value === 0) return '0';
  if (Math.abs(value) < 1) return value.toFixed(Math.abs(value) < 0.1 ? 3 : 2);
  return value.toFixed(Math.abs(value) < 100 ? 1 : 0);
}

export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...lines.map(line)].join('\n');
}

/** Figures of several processes, such as `gateway 1.9, worker 2.2`. */
const byRole = (figures: Record<string, number>, text: (value: number) => string = figure) =>
  Object.entries(figures)
    .map(([role, value]) => (Object.keys(figures).length === 1 ? text(value) : `${role} ${text(value)}`))
    .join(', ');

const withoutCaller = ({ caller: _, ...own }: Record<string, number>) => own;

/** The rows of one case. */
export function caseTable(rows: readonly Row[]): string {
  const lean = rows.find(({ subject }) => subject === 'lean');
  const head = [
    ...[
      '',
      'callers',
      'images/s',
      'to the lean bound',
      'by CPU time',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'CPU-ms an image',
      'by process',
    ],
    ...['full collections an image', 'minor collections an image', 'resident MB'],
  ];
  const lines = rows.map((row) => {
    const median = medianOf(row.rounds);
    const cpu = withoutCaller(median.cpu);
    return [
      row.title,
      row.callers === null ? '' : String(row.callers),
      figure(median.rate),
      lean ? figure(rateRatio(row, lean)) : '',
      lean ? figure(cpuRatio(row, lean)) : '',
      ...[median.p50, median.p95, median.p99, ownCpu(median)].map(figure),
      Object.keys(cpu).length > 1 ? byRole(cpu) : '',
      byRole(median.full),
      byRole(median.minor),
      byRole(withoutCaller(median.resident), (mb) => String(Math.round(mb))),
    ];
  });
  return table(head, lines);
}

export function stagesTable(costs: readonly StageCost[]): string {
  return table(
    ['profile', 'decode', 'detect', 'landmarks', 'attributes', 'total'],
    costs.map(({ profile, ...stages }) => [`\`${profile}\``, ...Object.values<number>(stages).map(figure)]),
  );
}

export function footprintText({ readySeconds, resident, workerAndEngine, images }: FootprintFigures): string {
  return (
    `From start to ready, with packages and Redis installed: ${figure(readySeconds)} s. ` +
    `Resident MB with one engine after ${images} images: ${byRole(resident, (mb) => String(Math.round(mb)))}; ` +
    `worker and engine together ${Math.round(workerAndEngine)}.`
  );
}

/** The targets that were measured, and how many were not. */
export function targetsTable(targets: readonly Target[]): string {
  const measured = targets.filter(({ figure: value }) => value !== undefined);
  const answer = (target: Target) => ({ true: 'yes', false: 'no', null: '' })[`${reached(target)}`];
  const bound = ({ least, most, unit }: Target) =>
    least !== undefined ? `>= ${least} ${unit}` : most !== undefined ? `<= ${most} ${unit}` : `(${unit})`;
  const lines = measured.map((target) => [
    target.what,
    bound(target),
    figure(target.figure),
    answer(target),
    figure(target.byCpu),
  ]);
  const head = ['service, 8 callers unless it says otherwise', 'target', 'figure', 'met', 'by CPU time'];
  const left = targets.length - measured.length;
  return `${table(head, lines)}${left > 0 ? `\n\nNot measured in this run: ${left} more.` : ''}`;
}
