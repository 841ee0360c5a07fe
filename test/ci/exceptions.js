// @ts-check
/** .ci/exceptions.json: tests that may fail once, and tests that may be skipped. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An entry is a debt: after this it fails every run. */
export const MOST_DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * @typedef {object} Exceptions
 * @property {{ test: string, reason: string, since: string }[]} unsteady may fail when they pass alone afterwards
 * @property {{ test: string, reason: string }[]} maySkip may be skipped, giving this reason
 */

/** @param {string} root */
export const readExceptions = (root) =>
  /** @type {Exceptions} */ (JSON.parse(readFileSync(join(root, '.ci', 'exceptions.json'), 'utf8')));

/**
 * @param {Exceptions} exceptions
 * @param {string} root
 * @param {Date} now
 * @returns {string[]} what is wrong with them
 */
export function problemsOf({ unsteady, maySkip }, root, now) {
  const problems = [];
  for (const { test, reason } of [...unsteady, ...maySkip]) {
    const [file, ...names] = test.split(' > ');
    if (!reason) problems.push(`${test}: it has no reason`);
    if (names.length === 0) problems.push(`${test}: expected \`FILE > SUITE > TEST\``);
    if (!file || !existsSync(join(root, file))) problems.push(`${test}: there is no such file`);
  }
  for (const { test, since } of unsteady) {
    const days = (now.getTime() - Date.parse(since)) / DAY_MS;
    if (!/^\d{4}-\d\d-\d\d$/.test(since) || !(days >= 0)) problems.push(`${test}: since is not a past day, YYYY-MM-DD`);
    else if (days > MOST_DAYS) problems.push(`${test}: unsteady for more than ${MOST_DAYS} days; mend it`);
  }
  return problems;
}
