/** A run over the images of a subject: answers, figures, files. */
import { join } from 'node:path';
import { sample } from '@facequeue/evaluation';
import { isFacequeueError } from '@facequeue/schema';
import { readImage } from '../detect/read-image.ts';
import { csvRow } from '../ingest/csv.ts';
import { type Screen, startDisplay } from '../ingest/display.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import { concurrentMap } from '../jobs/concurrent-map.ts';
import type { Output } from '../output.ts';
import { type PageHead, renderPage } from '../page/page.ts';
import { quantile } from '../quantile.ts';
import { snakeCase } from '../snake-case.ts';
import { writeOutput } from '../write-output.ts';
import type { Detector } from './detector.ts';
import type { EvalCall, Selection } from './options.ts';
import type { Evaluated, Labelled, Subject } from './subject.ts';

/** How many images that could not be evaluated are named; of the others only the number is given. */
const NAMED_FAILURES = 20;

/** An image that could not be evaluated. */
export interface Failure {
  file: string;
  message: string;
}

/** What a run needs beside its subject. */
export interface RunContext {
  call: EvalCall;
  /** Folder of the images. */
  folder: string;
  detector: Detector;
  interruption: Pick<Interruption, 'stop' | 'cut'>;
  output: Output;
  screen: Screen;
}

/** The images that a selection takes, in their sequence. */
export function selected<T extends { file: string }>(
  images: readonly T[],
  { limit, sample: count, seed }: Selection,
): T[] {
  if (count !== undefined) return sample(images, count, seed, ({ file }) => file);
  return images.slice(0, limit);
}

/**
 * Evaluates a subject, prints its figures and writes its files.
 * @param legend of the page
 * @returns the exit code
 */
export async function evaluate<T extends Labelled>(
  subject: Subject<T>,
  legend: PageHead['legend'],
  context: RunContext,
): Promise<number> {
  const { call, detector, interruption, output } = context;
  const images = selected(subject.images, call.selection);
  const { evaluated, failures, started } = await answersOf(subject, images, context);
  const heading = headingOf(subject, detector, call, evaluated.length);
  nameFailures(failures, output);
  if (interruption.stop.aborted)
    output.stderr(
      `Interrupted: ${evaluated.length + failures.length} of ${images.length} images are done, ${images.length - started} were not started.`,
    );
  if (evaluated.length === 0) {
    output.stderr('No image could be evaluated.');
    return interruption.stop.aborted ? INTERRUPTED : 1;
  }
  const report = subject.report(evaluated);
  const times = timesOf(evaluated);
  const text = `${heading}\n${report.text}\nAn image took ${times.median} ms (median), ${times.p95} ms (95th percentile).\n`;
  output.stdout(call.json ? `${JSON.stringify(jsonOf(subject, context, { report, times, failures }))}\n` : text);
  const files = [
    call.csv !== undefined && { path: call.csv, content: () => csvOf(subject, evaluated, failures) },
    call.page !== undefined && {
      path: call.page,
      content: () => pageOf(subject, evaluated, { text, legend }, context),
    },
  ];
  let written = true;
  for (const file of files) if (file && !(await writeOutput(file.path, file.content, output))) written = false;
  if (interruption.stop.aborted) return INTERRUPTED;
  return failures.length || !written ? 1 : 0;
}

/** Detects the faces of every image, several at a time, until all are done or Ctrl-C. */
async function answersOf<T extends Labelled>(
  subject: Subject<T>,
  images: readonly T[],
  { call, folder, detector, interruption: { stop, cut }, screen }: RunContext,
) {
  const evaluated: Evaluated<T>[] = [];
  const failures: Failure[] = [];
  let done = 0;
  using _ = startDisplay(
    screen.isTTY ? 'bar' : 'lines',
    () => ({ done, failed: failures.length, total: images.length }),
    screen,
  );
  const answer = async (image: T): Promise<Evaluated<T> | Failure | null> => {
    try {
      const bytes = await readImage(join(folder, image.file), Number.POSITIVE_INFINITY);
      const answer = await detector.detect(bytes, subject.options, cut);
      done += 1;
      return sizeDiffers(image, answer) ?? { image, answer };
    } catch (error) {
      if (cut.aborted && error === cut.reason) return null;
      if (!isFacequeueError(error)) throw error;
      done += 1;
      return { file: image.file, message: error.message };
    }
  };
  const started = await concurrentMap(images, call.concurrency, stop, answer, (result) => {
    if (result && 'message' in result) failures.push(result);
    else if (result) evaluated.push(result);
  });
  return { evaluated, failures, started };
}

/** The failure of an image whose size is not that of the ground truth: its boxes lie elsewhere. Null where the sizes agree. */
function sizeDiffers({ file, size }: Labelled, { width, height }: { width: number; height: number }): Failure | null {
  if (!size || (size.width === width && size.height === height)) return null;
  return {
    file,
    message: `the image has ${width} x ${height} px, the ground truth is for ${size.width} x ${size.height}`,
  };
}

function nameFailures(failures: readonly Failure[], { stderr }: Output): void {
  for (const { file, message } of failures.slice(0, NAMED_FAILURES)) stderr(`${file}: ${message}`);
  const more = failures.length - NAMED_FAILURES;
  if (more > 0) stderr(`… and ${more} more images.`);
  if (failures.length) stderr(`${failures.length} images could not be evaluated.`);
}

function headingOf<T extends Labelled>(
  { title, source }: Subject<T>,
  { name }: Detector,
  { options }: EvalCall,
  images: number,
) {
  return `${title}: ${source}\n${images} images, ${name}, profile ${options.profile}`;
}

function timesOf(evaluated: readonly Evaluated<Labelled>[]) {
  const sorted = evaluated.map(({ answer }) => answer.ms).sort((a, b) => a - b);
  return { median: Math.round(quantile(sorted, 0.5)), p95: Math.round(quantile(sorted, 0.95)) };
}

function jsonOf<T extends Labelled>(
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

async function csvOf<T extends Labelled>(
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

function pageOf<T extends Labelled>(
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
