/** What a run prints and writes: its heading, JSON, rows and page. */
import { join } from 'node:path';
import { readImage } from '../detect/read-image.ts';
import { csvRow } from '../ingest/csv.ts';
import { type PageHead, renderPage } from '../page/page.ts';
import { quantile } from '../quantile.ts';
import { snakeCase } from '../snake-case.ts';
import type { Failure, RunContext } from './answers.ts';
import type { Detector } from './detector.ts';
import type { EvalCall } from './options.ts';
import type { Evaluated, Labelled, Subject } from './subject.ts';

/** What is evaluated, on which images, and by what. */
export function headingOf<T extends Labelled>(
  { title, source }: Subject<T>,
  { name }: Detector,
  { options }: EvalCall,
  images: number,
) {
  return `${title}: ${source}\n${images} images, ${name}, profile ${options.profile}`;
}

/** Times of answers, ms. */
export function timesOf(evaluated: readonly Evaluated<Labelled>[]) {
  const sorted = evaluated.map(({ answer }) => answer.ms).sort((a, b) => a - b);
  return { median: Math.round(quantile(sorted, 0.5)), p95: Math.round(quantile(sorted, 0.95)) };
}

/** The figures of a run as one object, its keys in snake case. */
export function jsonOf<T extends Labelled>(
  { title, source }: Subject<T>,
  { call, detector, interruption }: RunContext,
  {
    report,
    times,
    failures,
  }: { report: { json: object }; times: { median: number; p95: number }; failures: Failure[] },
) {
  return snakeCase({
    subject: title,
    groundTruth: source,
    answersFrom: detector.name,
    modelVersion: detector.version,
    profile: call.options.profile,
    interrupted: interruption.stop.aborted,
    figures: report.json,
    milliseconds: times,
    failures,
  });
}

/** A row for each image; those that could not be evaluated have an error instead of figures. */
export async function csvOf<T extends Labelled>(
  subject: Subject<T>,
  evaluated: readonly Evaluated<T>[],
  failures: readonly Failure[],
) {
  const rows = [
    csvRow(['file', 'error', 'ms', ...subject.columns]),
    ...evaluated.map((one) =>
      csvRow([one.image.file, null, Number(one.answer.ms.toFixed(1)), ...subject.row(one).map(short)]),
    ),
    ...failures.map(({ file, message }) => csvRow([file, message, null, ...subject.columns.map(() => null)])),
  ];
  return rows.join('');
}

/** Four decimals are more than any of these figures is exact to. */
const short = (value: string | number | null) => (typeof value === 'number' ? Number(value.toFixed(4)) : value);

/** A page with the images that were evaluated worst. */
export function pageOf<T extends Labelled>(
  subject: Subject<T>,
  evaluated: readonly Evaluated<T>[],
  { text, legend }: Pick<PageHead, 'text' | 'legend'>,
  { call, folder }: RunContext,
): Promise<string> {
  const worst = evaluated
    .map((one) => ({ one, badness: subject.badness(one) }))
    .filter(({ badness }) => badness > 0)
    .sort((a, b) => b.badness - a.badness)
    .slice(0, call.worst)
    .map(({ one }) => ({
      file: one.image.file,
      picture: subject.picture(one),
      read: () => readImage(join(folder, one.image.file), Number.POSITIVE_INFINITY),
    }));
  return renderPage({ title: `${subject.title}: the worst of ${evaluated.length} images`, text, legend }, worst);
}
