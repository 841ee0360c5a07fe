/** Mutants of the Lua scripts of packages/queue: the tests that run the changed block, in a copy of the working tree, one mutant after another. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CONSTANTS } from '../../../packages/queue/src/constants.ts';
import { describeChange, type Mutant } from '../mutant.ts';
import type { MutatedScripts } from '../packages.ts';
import { drawn, hashOf, type Sample } from '../sample.ts';
import { MutatedTree, RESULTS } from '../tree.ts';
import { applyChange, type Block, blockAt, type Change, luaBlocks, luaMutants, probed } from './mutants.ts';
import { loggingRedis, probe } from './probes.ts';
import { type Judges, Store, type StoredResult } from './results.ts';
import type { Chosen, Outcome } from './runner.ts';
import type { PassedLine } from './setup.ts';

export interface LuaRun {
  /** For the file in .cache/mutation. */
  name: string;
  /** Globs of all scripts and of the tests that judge them. */
  of: MutatedScripts;
  /** The scripts to mutate. */
  files: string[];
  /** How many mutants of them, and which by chance. */
  sample: Sample | null;
  fresh: boolean;
  /** Judges no more mutants after so long; a later run goes on. */
  minutes: number;
}

interface Script {
  file: string;
  text: string;
  blocks: Block[];
}

/** A mutant and what is needed to judge it. */
interface Candidate {
  script: Script;
  change: Change;
  /** The innermost block around it: "file:index". */
  block: string;
  mutant: Mutant;
  /** Tells it from all others, also in later runs. */
  key: string;
}

const NUMBERS = new Set(
  Object.keys(CONSTANTS).filter((name) => typeof CONSTANTS[name as keyof typeof CONSTANTS] === 'number'),
);
/** Time of a mutant's tests before it counts as hung: so much more than without it, ms. */
const LEAST_LIMIT_MS = 45_000;
const LIMIT_FACTOR = 5;

/** @returns the mutants, judged */
export async function mutateLua(
  { name, of, files, sample, fresh, minutes }: LuaRun,
  log: (line: string) => void,
): Promise<Mutant[]> {
  mkdirSync(RESULTS, { recursive: true });
  const stored = new Store(join(RESULTS, `${name}.json`));
  if (fresh) stored.forget();
  using tree = new MutatedTree();
  const scripts = globSync(of.files, { cwd: tree.path })
    .toSorted()
    .map((file) => readScript(tree, file));
  const hashes = testHashes(tree, of);
  await findPasses(tree, scripts, hashes, stored, log);
  let candidates = scripts.filter(({ file }) => files.includes(file)).flatMap(candidatesOf);
  if (sample) {
    const chosen = drawn(candidates, ({ key }) => key, sample);
    candidates = candidates.filter((candidate) => chosen.has(candidate));
  }
  const judge = new Judge(tree, hashes, stored);
  const began = Date.now();
  const judged: Mutant[] = [];
  for (const candidate of candidates) {
    await judge.judge(candidate);
    judged.push(candidate.mutant);
    const passed = (Date.now() - began) / 60_000;
    if (judged.length % 20 === 0)
      log(
        `${judged.length} of ${candidates.length} mutants in ${passed.toFixed(1)} min, ${judge.survivors} not killed`,
      );
    if (passed >= minutes) break;
  }
  stored.write();
  return judged;
}

function readScript(tree: MutatedTree, file: string): Script {
  const text = readFileSync(join(tree.path, file), 'utf8');
  return { file, text, blocks: luaBlocks(text) };
}

export function candidatesOf(script: Script): Candidate[] {
  const { file, text, blocks } = script;
  const times = new Map<string, number>();
  return luaMutants(text, NUMBERS).map((change) => {
    const line = text.slice(0, change.start).split('\n').length;
    const mutant: Mutant = {
      file,
      line,
      text: text.split('\n')[line - 1]!.trim(),
      change: `${change.kind}: ${describeChange(text.slice(change.start, change.end), change.replacement)}`,
      status: 'not covered',
    };
    const name = `${file} | ${mutant.text} | ${mutant.change}`;
    const time = times.get(name) ?? 0;
    times.set(name, time + 1);
    return { script, change, block: `${file}:${blockAt(blocks, change.start)}`, mutant, key: `${name} | ${time}` };
  });
}

/** The same for the same seed, whatever else changed. */
/** Runs the test files that are new or changed with probes in the scripts, and stores which blocks each test passes. */
async function findPasses(
  tree: MutatedTree,
  scripts: Script[],
  hashes: Judges,
  stored: Store,
  log: (line: string) => void,
): Promise<void> {
  const hash = hashOf(JSON.stringify(scripts.map(({ file, text }) => [file, text])));
  if (stored.scripts !== hash) Object.assign(stored, { scripts: hash, passes: {} });
  for (const file of Object.keys(stored.passes))
    if (stored.passes[file]!.hash !== hashes[file]) delete stored.passes[file];
  const files = Object.keys(hashes).filter((file) => !stored.passes[file]);
  if (files.length === 0) return;

  log(`finds out which scripts ${files.length} test files run`);
  const names: string[] = [];
  for (const { file, text, blocks } of scripts) {
    const first = names.length;
    names.push(...blocks.map((_, i) => `${file}:${i}`));
    writeFileSync(
      join(tree.path, file),
      probed(text, (block) => probe(first + block)),
    );
  }
  const passedFile = join(tree.path, '.mutation/passed.ndjson');
  rmSync(passedFile, { force: true });
  const bin = loggingRedis(tree.path);
  {
    await using runner = await Runner.start(tree, ['probing'], { PATH: `${bin}:${process.env['PATH']}` });
    for (const file of files) {
      const outcome = await runner.run([{ file, tests: null }], 1_800_000);
      const failed = outcome?.failed[0];
      if (!outcome) throw new Error(`${file} did not end`);
      if (failed) log(`not used, as it fails without a mutant: ${file} > ${failed.test}: ${failed.message}`);
      const lines = existsSync(passedFile) ? readFileSync(passedFile, 'utf8').trim().split('\n') : [];
      const probes = new Map(
        lines.map((line) => JSON.parse(line) as PassedLine).map((line) => [line.test, line.probes] as const),
      );
      rmSync(passedFile, { force: true });
      const tests = outcome.passed.map(({ test, ms }) => ({
        name: test,
        ms,
        blocks: (probes.get(test) ?? []).map((id) => names[id]!),
      }));
      stored.passes[file] = { hash: failed ? '' : hashes[file]!, tests };
      stored.write();
    }
  }
  for (const { file, text } of scripts) writeFileSync(join(tree.path, file), text);
}

function testHashes(tree: MutatedTree, { tests, without = [] }: MutatedScripts): Judges {
  const files = globSync(tests, { cwd: tree.path, exclude: without });
  return Object.fromEntries(files.map((file) => [file, hashOf(readFileSync(join(tree.path, file), 'utf8'))]));
}

class Judge {
  readonly #tree: MutatedTree;
  readonly #stored: Store;
  readonly #hashes: Judges;
  readonly #kills = new Map<string, number>();
  #runner: Runner | null = null;
  #sinceWritten = 0;
  survivors = 0;

  constructor(tree: MutatedTree, hashes: Judges, stored: Store) {
    this.#tree = tree;
    this.#stored = stored;
    this.#hashes = hashes;
  }

  async judge(candidate: Candidate): Promise<void> {
    const { script, mutant, key, block } = candidate;
    const hash = hashOf(script.text);
    const stored = this.#stored.results[key];
    const earlier = stored?.script === hash ? stored : null;
    const chosen = this.#chosen(candidate, earlier);
    let result: StoredResult;
    if (earlier && this.#stillDead(earlier)) result = earlier;
    else if (chosen.length === 0)
      result = { script: hash, status: earlier ? 'survived' : 'not covered', by: earlier?.by ?? {} };
    else result = await this.#run(candidate, chosen, hash, earlier?.by ?? {});
    if (result.status === 'survived' && Object.keys(result.by).length === 0) result.status = 'not covered';
    mutant.status = result.status;
    this.#stored.results[key] = result;
    if (mutant.status === 'killed')
      for (const file of Object.keys(result.by)) this.#count(`${block} ${file}`, `${script.file} ${file}`);
    else this.survivors++;
    if (++this.#sinceWritten >= 10) {
      this.#sinceWritten = 0;
      this.#stored.write();
    }
  }

  #count(...keys: string[]): void {
    for (const key of keys) this.#kills.set(key, (this.#kills.get(key) ?? 0) + 1);
  }

  #stillDead({ status, by }: StoredResult): boolean {
    const dead = status === 'killed' || status === 'timed out';
    return dead && Object.entries(by).every(([file, hash]) => this.#hashes[file] === hash);
  }

  /** The tests that pass the block, those first that killed its neighbours. Files that have let the mutant live are left out. */
  #chosen({ block, script }: Candidate, earlier: StoredResult | null): (Chosen[number] & { ms: number })[] {
    const alive = earlier?.status === 'survived' ? earlier.by : {};
    return Object.entries(this.#stored.passes)
      .filter(([file]) => this.#hashes[file] !== undefined && alive[file] !== this.#hashes[file])
      .map(([file, { tests }]) => {
        const passing = tests.filter(({ blocks }) => blocks.includes(block));
        return { file, tests: passing.map(({ name }) => name), ms: passing.reduce((sum, { ms }) => sum + ms, 0) };
      })
      .filter(({ tests }) => tests.length > 0)
      .toSorted((a, b) => this.#promise(b, block, script) - this.#promise(a, block, script));
  }

  /** How soon to run a test file: by what it killed here, then whether it lies beside the script, then how quick it is. */
  #promise({ file, ms }: { file: string; ms: number }, block: string, script: Script): number {
    const kills = 10 * (this.#kills.get(`${block} ${file}`) ?? 0) + (this.#kills.get(`${script.file} ${file}`) ?? 0);
    const beside = dirname(file) === dirname(script.file) ? 3 : 0;
    return (kills + beside + 1) / (ms + 1500);
  }

  async #run(
    { script, change }: Candidate,
    chosen: (Chosen[number] & { ms: number })[],
    hash: string,
    before: Judges,
  ): Promise<StoredResult> {
    const path = join(this.#tree.path, script.file);
    const judges = (files: string[]) => Object.fromEntries(files.map((file) => [file, this.#hashes[file]!]));
    writeFileSync(path, applyChange(script.text, change));
    try {
      this.#runner ??= await Runner.start(this.#tree, []);
      const limit = LEAST_LIMIT_MS + LIMIT_FACTOR * chosen.reduce((sum, { ms }) => sum + ms + 1500, 0);
      const outcome = await this.#runner.run(
        chosen.map(({ file, tests }) => ({ file, tests })),
        limit,
      );
      if (!outcome) {
        this.#runner = null;
        return { script: hash, status: 'timed out', by: {} };
      }
      const killer = outcome.failed.find(({ file }) => file) ?? outcome.failed[0];
      if (killer) return { script: hash, status: 'killed', by: killer.file ? judges([killer.file]) : {} };
      return { script: hash, status: 'survived', by: { ...before, ...judges(chosen.map(({ file }) => file)) } };
    } finally {
      writeFileSync(path, script.text);
    }
  }
}

/** The process of runner.ts. */
class Runner implements AsyncDisposable {
  readonly #tree: MutatedTree;
  readonly #process: ChildProcess;

  private constructor(tree: MutatedTree, child: ChildProcess) {
    this.#tree = tree;
    this.#process = child;
  }

  static async start(tree: MutatedTree, args: string[], env: Record<string, string> = {}): Promise<Runner> {
    const child = fork(join(tree.path, 'test/mutation/lua/runner.ts'), args, {
      cwd: tree.path,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ...process.env,
        TEST_REDIS: 'local',
        NODE_COMPILE_CACHE: join(tree.path, '.mutation/compile-cache'),
        ...env,
      },
    });
    await once(child, 'message');
    return new Runner(tree, child);
  }

  /** @returns null when the tests took too long: then this process has ended */
  async run(chosen: Chosen, limitMs: number): Promise<Outcome | null> {
    this.#process.send(chosen);
    const ended = Promise.withResolvers<Outcome | null>();
    this.#process.once('message', (outcome: Outcome) => ended.resolve(outcome));
    this.#process.once('exit', () => ended.resolve(null));
    const timer = setTimeout(() => ended.resolve(null), limitMs);
    const outcome = await ended.promise;
    clearTimeout(timer);
    this.#process.removeAllListeners();
    if (!outcome) this.#tree.endProcesses();
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}
