/** `npm run mutate -- PACKAGE`: breaks the package in every small way and shows what no test notices. See CONTRIBUTING.md. */
import { matchesGlob } from 'node:path';
import { parseArgs } from 'node:util';
import { gitFiles, repositoryFiles } from '../support/repository.ts';
import { mutateLua } from './lua/lua.ts';
import { type Equivalent, isNamedBy } from './mutant.ts';
import { LUA, PACKAGES } from './packages.ts';
import { equivalentsOf, report } from './report.ts';
import { mutateTypeScript } from './typescript.ts';

const USAGE = `npm run mutate -- PACKAGE [--file GLOB]... [--since COMMIT] [--fresh] [--sample N [--seed S]] [--minutes M]
  PACKAGE  ${[...Object.keys(PACKAGES), ...Object.keys(LUA)].filter((name) => !name.includes('fixture')).join(', ')}
  --file   only files that match
  --since  only files that differ from a commit
  --fresh  forgets the results of earlier runs
  --sample only so many mutants, by chance
  --minutes  judges no more mutants after so long; a later run goes on (lua)`;

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      file: { type: 'string', multiple: true, default: [] },
      since: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      sample: { type: 'string' },
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: 'Infinity' },
      help: { type: 'boolean', default: false },
    },
  });
  const name = positionals[0] ?? '';
  const of = PACKAGES[name];
  const lua = LUA[name];
  const globs = of?.files ?? lua?.files;
  if (!globs || values.help || positionals.length > 1) {
    console.error(USAGE);
    return values.help;
  }
  const included = globs.filter((glob) => !glob.startsWith('!'));
  const excluded = globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1));
  const all = repositoryFiles().filter(
    (file) => included.some((glob) => matchesGlob(file, glob)) && !excluded.some((glob) => matchesGlob(file, glob)),
  );
  const changed = values.since === undefined ? null : gitFiles('diff', '--name-only', values.since);
  const chosen = all.filter(
    (file) =>
      (values.file.length === 0 || values.file.some((glob) => matchesGlob(file, glob))) &&
      (changed === null || changed.includes(file)),
  );
  if (chosen.length === 0) {
    console.error('no file of the package matches');
    return false;
  }
  const sample = values.sample === undefined ? null : { size: Number(values.sample), seed: Number(values.seed) };
  const mutants = of
    ? await mutateTypeScript({ name, of, files: chosen, sample, fresh: values.fresh })
    : await mutateLua(
        { name, of: lua!, files: chosen, sample, fresh: values.fresh, minutes: Number(values.minutes) },
        console.log,
      );
  const judged = (file: string) => chosen.includes(file);
  // An entry is stale when one of its mutants is missing, which only a run over all mutants of a file can tell.
  const partly = sample !== null || values.minutes !== 'Infinity';
  const found = (entry: Equivalent) => mutants.filter((mutant) => isNamedBy(mutant, entry)).length;
  const listed = equivalentsOf(name)
    .map((entry) => (partly ? { ...entry, times: found(entry) } : entry))
    .filter(({ times }) => times !== 0);
  const judgement = report(
    name,
    mutants.filter(({ file }) => judged(file)),
    listed,
    judged,
  );
  console.log(judgement.text);
  return judgement.passed;
}

process.exitCode = (await main()) ? 0 : 1;
