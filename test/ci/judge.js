// @ts-check
/** What a test run means: pure functions over vitest's report and the exceptions. */

/** @typedef {import('./reporter.js').Report} Report */
/** @typedef {import('./reporter.js').TestRecord} TestRecord */
/** @typedef {import('./exceptions.js').Exceptions} Exceptions */

/** A run of vitest that has ended. `report` is null when it ended without one. */
/** @typedef {{ status: number | null, report: Report | null }} Run */
/** @typedef {{ passed: number, failed: number, skipped: number, problems: string[], notes: string[] }} Outcome */

/** More files than this do not fail by chance; each of them has the machine to itself when it is run again. */
export const MOST_RERUN = 4;

/** @param {{ file: string, name: string }} test */
export const titleOf = ({ file, name }) => `${file} > ${name}`;

/**
 * The files to run once more, alone, to learn whether they fail there too.
 * @param {Run} run
 * @returns {string[]} empty when nothing can be learned
 */
export function filesToRerun({ report }) {
  const failed = [...(report?.tests.filter(({ state }) => state === 'failed') ?? []), ...(report?.broken ?? [])];
  const files = [...new Set(failed.map(({ file }) => file))].sort();
  return files.length <= MOST_RERUN ? files : [];
}

/**
 * @param {Run} first
 * @param {Run | null} rerun of `filesToRerun`
 * @param {Exceptions} exceptions
 * @returns {Outcome}
 */
export function judge(first, rerun, exceptions) {
  const { report, status } = first;
  if (!report)
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      problems: [`it ended without a report, ${statusText(status)}`],
      notes: [],
    };
  const problems = [];
  const notes = [];
  let passed = 0;
  let skipped = 0;
  for (const test of report.tests) {
    const title = titleOf(test);
    if (test.state === 'passed' && !test.retried) passed++;
    else if (test.state === 'passed') problems.push(`failed before it passed: ${title}`);
    else if (test.state === 'skipped') {
      if (mayBeSkipped(test, report, exceptions)) {
        skipped++;
        notes.push(`skipped${test.note ? `, "${test.note}"` : ' after a failed hook'}: ${title}`);
      } else problems.push(`skipped, ${test.note ? `"${test.note}"` : 'without a reason'}: ${title}`);
    } else {
      const alone = stateOf(title, rerun?.report?.tests ?? []);
      const listed = exceptions.unsteady.find((entry) => entry.test === title);
      if (listed && alone === 'passed') {
        passed++;
        notes.push(`unsteady since ${listed.since} (${listed.reason}), passed alone: ${title}`);
      } else problems.push(`failed${alone ? `, ${alone} alone` : ''}: ${title}`);
    }
  }
  for (const { file, message } of report.broken) problems.push(`failed outside its tests: ${file}: ${message}`);
  for (const message of report.unhandled) problems.push(`unhandled error: ${message}`);
  for (const message of rerun?.report?.unhandled ?? []) problems.push(`unhandled error, run alone: ${message}`);
  problems.push(...namesNoTest(report, exceptions));
  if (report.tests.length === 0 && problems.length === 0) problems.push('no test was found');
  // A failure that the report does not show, such as that of a global tear-down.
  const reported =
    report.unhandled.length > 0 || report.broken.length > 0 || report.tests.some(({ state }) => state === 'failed');
  if (status !== 0 && !reported) problems.push(`its tests passed, but it ended with ${statusText(status)}`);
  return { passed, failed: problems.length, skipped, problems, notes };
}

/**
 * @param {string} title of one test, or of several in a file that gave them the same name
 * @param {TestRecord[]} tests
 */
function stateOf(title, tests) {
  const states = tests.filter((test) => titleOf(test) === title).map(({ state }) => state);
  return states.find((state) => state !== 'passed') ?? states[0];
}

/** @param {number | null} status */
const statusText = (status) => (status === null ? 'killed by a signal' : `exit status ${status}`);

/**
 * @param {TestRecord} test
 * @param {Report} report
 * @param {Exceptions} exceptions
 */
function mayBeSkipped(test, report, exceptions) {
  // The hook that failed before it has been counted.
  if (report.broken.some(({ file }) => file === test.file)) return true;
  return exceptions.maySkip.some((entry) => entry.test === titleOf(test) && entry.reason === test.note);
}

/**
 * Entries about a file that ran without such a test: somebody renamed or removed it.
 * @param {Report} report
 * @param {Exceptions} exceptions
 */
function namesNoTest({ tests, broken }, { unsteady, maySkip }) {
  const titles = new Set(tests.map(titleOf));
  const files = new Set(tests.map(({ file }) => file));
  for (const { file } of broken) files.delete(file);
  return [...unsteady, ...maySkip]
    .filter(({ test }) => files.has(test.split(' > ')[0] ?? '') && !titles.has(test))
    .map(({ test }) => `.ci/exceptions.json names a test that does not exist: ${test}`);
}
