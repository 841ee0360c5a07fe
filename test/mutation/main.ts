/** `npm run mutate -- PACKAGE`: breaks the package in every small way and shows what no test notices. See CONTRIBUTING.md. */
import { matchesGlob } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGES } from './packages.ts';
import { equivalentsOf, report } from './report.ts';
import { gitFiles } from './tree.ts';
import { mutateTypeScript } from './typescript.ts';

const USAGE = `npm run mutate -- PACKAGE [--file GLOB]... [--since COMMIT] [--fresh]
  PACKAGE  ${Object.keys(PACKAGES).join(', ')}
  --file   only files that match
  --since  only files that differ from a commit
  --fresh  forgets the results of earlier runs`;

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      file: { type: 'string', multiple: true, default: [] },
      since: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const name = positionals[0] ?? '';
  const of = PACKAGES[name];
  if (!of || values.help || positionals.length > 1) {
    console.error(USAGE);
    return values.help;
  }
  const included = of.files.filter((glob) => !glob.startsWith('!'));
  const excluded = of.files.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1));
  const all = gitFiles('ls-files', '--cached', '--others', '--exclude-standard').filter(
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
  const only = chosen.length < all.length ? chosen : [];
  const mutants = await mutateTypeScript({ name, of, only, fresh: values.fresh });
  const judged = (file: string) => chosen.includes(file);
  const verdict = report(
    name,
    mutants.filter(({ file }) => judged(file)),
    equivalentsOf(name),
    judged,
  );
  console.log(verdict.text);
  return verdict.passed;
}

process.exitCode = (await main()) ? 0 : 1;
