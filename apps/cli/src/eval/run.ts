/** A run over the images of a subject, from the first image to the exit code. */
import { INTERRUPTED } from '../interruption.ts';
import type { Output } from '../output.ts';
import type { PageHead } from '../page/page.ts';
import { writeOutput } from '../write-output.ts';
import { answersOf, type Failure, type RunContext, selected } from './answers.ts';
import { csvOf, headingOf, jsonOf, pageOf, timesOf } from './outputs.ts';
import type { Labelled, Subject } from './subject.ts';

/** How many images that could not be evaluated are named; of the others only the number is given. */
const NAMED_FAILURES = 20;

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

function nameFailures(failures: readonly Failure[], { stderr }: Output): void {
  for (const { file, message } of failures.slice(0, NAMED_FAILURES)) stderr(`${file}: ${message}`);
  const more = failures.length - NAMED_FAILURES;
  if (more > 0) stderr(`… and ${more} more images.`);
  if (failures.length) stderr(`${failures.length} images could not be evaluated.`);
}
