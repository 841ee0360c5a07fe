import { existsSync, readFileSync } from 'node:fs';
import { applyEquivalents, type Equivalent, type Mutant, scoreOf } from './mutant.ts';

/** %, of the mutants that are not equivalent. */
export const LEAST_SCORE = 85;

export interface Judgement {
  text: string;
  passed: boolean;
}

/**
 * Compares the survivors with the list of equivalent mutants.
 * @param judged whether mutants of a file were judged in this run: an entry about another file is not stale
 */
export function report(
  name: string,
  mutants: Mutant[],
  list: Equivalent[],
  judged: (file: string) => boolean,
): Judgement {
  const faults = applyEquivalents(mutants, list, judged);
  const { score, withEquivalent, counts } = scoreOf(mutants);
  const lines: string[] = [];
  const alive = mutants.filter(({ status }) => status === 'survived' || status === 'not covered');
  for (const { file, line, text, change, status } of alive)
    lines.push(`${file}:${line} ${status === 'survived' ? '' : '(no test runs it) '}${text}`, `    ${change}`);
  lines.push(...faults.map((fault) => `equivalent/${name}.json: ${fault}`));
  const dead = counts.killed + counts['timed out'];
  lines.push(
    `${name}: ${score.toFixed(1)} % of ${dead + alive.length} mutants killed (${counts['timed out']} of ${dead} by a time-out); ` +
      `${counts.survived} survived, ${counts['not covered']} no test runs; ` +
      `with ${counts.equivalent} equivalent ones ${withEquivalent.toFixed(1)} %`,
  );
  return { text: lines.join('\n'), passed: score >= LEAST_SCORE && faults.length === 0 };
}

export function equivalentsOf(name: string): Equivalent[] {
  const file = new URL(`./equivalent/${name}.json`, import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Equivalent[]) : [];
}
