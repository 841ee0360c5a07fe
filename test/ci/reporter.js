// @ts-check
/** Vitest's report for CI: the state of every test, errors outside tests, and which files have not finished. */
import { writeFileSync } from 'node:fs';

/** Names the file that gets the report; the files in progress go to a file beside it. */
export const REPORT_VARIABLE = 'CI_TEST_REPORT';
/** @param {string} report */
export const unfinishedPath = (report) => `${report}.unfinished`;

/**
 * @typedef {object} TestRecord
 * @property {string} file from the root of the repository
 * @property {string} name with the names of its suites, separated by ` > `
 * @property {'passed' | 'failed' | 'skipped' | 'pending'} state
 * @property {string | null} note why it was skipped
 * @property {boolean} retried it failed before it passed, by vitest's `retry`
 *
 * @typedef {object} Report
 * @property {TestRecord[]} tests
 * @property {{ file: string, message: string }[]} broken files that did not load, and suites whose hooks failed
 * @property {string[]} unhandled errors and rejections that no test caught
 */

/** @param {ReadonlyArray<{ message: string }>} errors */
const messages = (errors) => errors.map(({ message }) => String(message).split('\n')[0] ?? '');

/** @typedef {import('vitest/node').Reporter} Reporter */

/** @implements {Reporter} */
export default class CiReporter {
  /** @type {string} */
  #path;
  /** @type {Set<string>} */
  #unfinished = new Set();

  constructor() {
    const path = process.env[REPORT_VARIABLE];
    if (!path) throw new Error(`${REPORT_VARIABLE} does not name the file of the report`);
    this.#path = path;
  }

  /** @param {import('vitest/node').TestModule} module */
  onTestModuleQueued(module) {
    this.#unfinished.add(module.relativeModuleId);
    this.#writeUnfinished();
  }

  /** @param {import('vitest/node').TestModule} module */
  onTestModuleEnd(module) {
    this.#unfinished.delete(module.relativeModuleId);
    this.#writeUnfinished();
  }

  /**
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<{ message: string }>} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    /** @type {Report} */
    const report = { tests: [], broken: [], unhandled: messages(unhandled) };
    for (const module of modules) {
      const file = module.relativeModuleId;
      for (const part of [module, ...module.children.allSuites()])
        report.broken.push(...messages(part.errors()).map((message) => ({ file, message })));
      for (const test of module.children.allTests()) {
        const result = test.result();
        report.tests.push({
          file,
          name: test.fullName,
          state: result.state,
          note: result.state === 'skipped' ? (result.note ?? null) : null,
          retried: test.diagnostic()?.flaky ?? false,
        });
      }
    }
    writeFileSync(this.#path, JSON.stringify(report));
  }

  #writeUnfinished() {
    writeFileSync(unfinishedPath(this.#path), [...this.#unfinished].map((file) => `${file}\n`).join(''));
  }
}
