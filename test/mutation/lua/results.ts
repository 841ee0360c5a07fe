/** Results of earlier runs of the Lua mutants, in .cache/mutation. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** A test file and its contents then: file -> hash. */
export type Judges = Record<string, string>;

export interface StoredResult {
  /** Of the script's text. */
  script: string;
  status: 'killed' | 'timed out' | 'survived' | 'not covered';
  /** The test file that killed it, or all that did not. */
  by: Judges;
}

export interface StoredPasses {
  /** Hash of the test file. */
  hash: string;
  tests: { name: string; ms: number; blocks: string[] }[];
}

export class Store {
  readonly #file: string;
  results: Record<string, StoredResult> = {};
  /** Which blocks of the scripts each test file passes, for the scripts whose hash is `scripts`. */
  scripts = '';
  passes: Record<string, StoredPasses> = {};

  constructor(file: string) {
    this.#file = file;
    if (existsSync(file)) Object.assign(this, JSON.parse(readFileSync(file, 'utf8')));
  }

  forget(): void {
    Object.assign(this, { results: {}, scripts: '', passes: {} });
  }

  write(): void {
    const { results, scripts, passes } = this;
    writeFileSync(`${this.#file}.part`, JSON.stringify({ results, scripts, passes }));
    renameSync(`${this.#file}.part`, this.#file);
  }
}
