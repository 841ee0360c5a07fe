import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type SourceModule, undeclaredImports } from './undeclared.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const RULES = new URL('rules.cjs', import.meta.url).pathname;
const PRELOAD = new URL('using-declarations.cjs', import.meta.url).pathname;
const CRUISER = `${ROOT}node_modules/dependency-cruiser/bin/dependency-cruiser.mjs`;

/** The imports of a tree, checked. */
export interface Cruise {
  /** Source files of apps and packages that were read. */
  files: string[];
  /** `rule: from -> to` for every import that breaks a rule. */
  violations: string[];
}

/**
 * Checks the imports of `root`/apps and `root`/packages against rules.cjs and the manifests of the workspaces.
 * @throws when the tool saw too few files: it then checked nothing
 */
export async function cruise(root = ROOT): Promise<Cruise> {
  const run = await promisify(execFile)(
    process.execPath,
    ['--require', PRELOAD, CRUISER, '--config', RULES, '--output-type', 'json', 'apps', 'packages'],
    { cwd: root, maxBuffer: 64 << 20 },
  ).catch((error) => error as { stdout: string; stderr: string });
  if (!run.stdout) throw new Error(`dependency-cruiser printed nothing: ${run.stderr}`);
  const { modules, summary } = JSON.parse(run.stdout) as {
    modules: SourceModule[];
    summary: { violations: { rule: { name: string }; from: string; to: string }[] };
  };
  const files = modules.map((module) => module.source).filter((source) => /^(apps|packages)\//.test(source));
  if (files.length < 10) throw new Error(`only ${files.length} source files were seen; the parser does not work`);
  const broken = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
  return { files, violations: [...broken, ...undeclaredImports(modules, root)] };
}
