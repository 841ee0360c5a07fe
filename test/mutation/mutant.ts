/** One change to the product, and what became of it. */
export interface Mutant {
  /** From the repository's root. */
  file: string;
  /** Counted from 1. */
  line: number;
  /** The source line on which the change begins, without its indentation. */
  text: string;
  /** "what it was → what it became", on one line; long texts are cut in the middle. */
  change: string;
  status: 'killed' | 'timed out' | 'survived' | 'not covered' | 'equivalent' | 'invalid';
}

/** An entry of equivalent/PACKAGE.json: a mutant that no test can kill. */
export interface Equivalent {
  file: string;
  /** `text` and `change` of the mutant, as the report prints them. Line numbers move, these do not. */
  text: string;
  change: string;
  /** How many mutants of the file it stands for; 1 when left out. */
  times?: number;
  why: string;
}

const MOST = 160;

export function describeChange(original: string, replacement: string): string {
  return `${oneLine(original)} → ${oneLine(replacement) || 'nothing'}`;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MOST ? `${line.slice(0, MOST / 2)} … ${line.slice(-MOST / 2)}` : line;
}

export function isNamedBy(mutant: Mutant, { file, text, change }: Equivalent): boolean {
  return mutant.file === file && mutant.text === text && mutant.change === change;
}

/**
 * Marks survivors that the list names as equivalent.
 * @returns what is wrong with the list: entries without a mutant, or with more than they count
 */
export function applyEquivalents(mutants: Mutant[], list: Equivalent[], judged: (file: string) => boolean): string[] {
  const faults: string[] = [];
  for (const entry of list) {
    const { file, text, change, times = 1 } = entry;
    if (!judged(file)) continue;
    const matching = mutants.filter((mutant) => isNamedBy(mutant, entry));
    if (matching.length !== times)
      faults.push(`${file}: ${matching.length} mutants instead of ${times} are: ${text} | ${change}`);
    for (const mutant of matching) {
      if (mutant.status === 'killed')
        faults.push(`${file}:${mutant.line} is not equivalent, a test kills it: ${change}`);
      else if (mutant.status !== 'invalid') mutant.status = 'equivalent';
    }
  }
  return faults;
}

export interface Score {
  /** Share of killed mutants among those that are not equivalent, %; 100 when there are none. */
  score: number;
  /** The same among all. */
  withEquivalent: number;
  counts: Record<Mutant['status'], number>;
}

export function scoreOf(mutants: Mutant[]): Score {
  const counts = { killed: 0, 'timed out': 0, survived: 0, 'not covered': 0, equivalent: 0, invalid: 0 };
  for (const { status } of mutants) counts[status]++;
  const dead = counts.killed + counts['timed out'];
  const alive = counts.survived + counts['not covered'];
  const share = (of: number) => (of === 0 ? 100 : (100 * dead) / of);
  return { score: share(dead + alive), withEquivalent: share(dead + alive + counts.equivalent), counts };
}
