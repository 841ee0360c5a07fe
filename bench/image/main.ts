/**
 * `npm run bench [-- --short]`: what an image costs. The same pictures through the lean bound, our pipeline, the engines, the service, the
 * release before and two other programs, interleaved in one run, so that a machine that slows down slows all of them.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROFILES } from '@facequeue/schema';
import { lastRelease } from '../../test/upgrade/release.ts';
import { earlierPack } from '../support/earlier-pack.ts';
import { machine } from '../support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from '../support/options.ts';
import { CASES } from './cases.ts';
import { footprint } from './footprint.ts';
import { describeLoad } from './machine-load.ts';
import { pictureOf, USUAL } from './pictures.ts';
import { caseTable, footprintText, stagesTable, targetsTable } from './report.ts';
import { medianOf } from './results.ts';
import { Run } from './run.ts';
import { stageCosts } from './stages.ts';
import { SUBJECTS } from './subjects.ts';
import { targetsOf } from './targets.ts';

/** Runs of each stage of a profile. */
const STAGE_REPEATS = 10;
const EXTRA_CASES = ['stages', 'footprint'] as const;
const ALL_CASES = [...CASES.map(({ name }) => name), ...EXTRA_CASES];
/** What `--short` measures, in less than three minutes. */
const SHORT = { cases: `${USUAL},footprint`, seconds: '1.5', callers: '1,8' };
/** What is measured without options. */
const FULL = { cases: ALL_CASES.join(), seconds: '4', callers: '1,8,64' };

const values = readOptions('npm run bench --', 'What an image costs, and what it costs elsewhere.', {
  short: {
    default: false,
    help: `${SHORT.cases} with ${SHORT.callers} callers, ${SHORT.seconds} s each: under three minutes`,
  },
  peers: { default: SUBJECTS.join(), help: 'what is measured, with commas' },
  cases: { default: FULL.cases, help: 'pictures, forms of the usual picture, and other measurements, with commas' },
  callers: { default: FULL.callers, help: 'callers at a time, with commas' },
  seconds: { default: FULL.seconds, help: 'duration of each measurement, seconds' },
  rounds: { default: '3', help: 'how often each is measured; tables have the medians' },
  pack: { default: 'default', help: 'manifest of a model pack, or 0.1.0 for the models and passes of that release' },
  json: { default: '', help: 'file to which all figures are written' },
});
const chosen = <T extends string>(name: string, text: string, all: readonly T[]): T[] =>
  text.split(',').map((one) => {
    const found = all.find((other) => other === one);
    if (found === undefined) throw new Error(`--${name} has ${one}; expected some of ${all.join(', ')}`);
    return found;
  });
/** What was given on the command line; else what `--short` means. */
const given = (name: keyof typeof SHORT) => (values.short && values[name] === FULL[name] ? SHORT[name] : values[name]);
const subjects = chosen('peers', values.peers, SUBJECTS);
const cases = chosen('cases', given('cases'), ALL_CASES);
const seconds = numberOption('seconds', given('seconds'), 0.1, MAX_SECONDS);
const rounds = numberOption('rounds', values.rounds, 1, 100);
const callers = given('callers')
  .split(',')
  .map((text) => numberOption('callers', text, 1, 1000));

await using stack = new AsyncDisposableStack();
const pack = await packPath();
const startedAt = new Date();
const print = (text: string) => console.log(`${text}\n`);
print(`${machine()}\n${startedAt.toISOString()}; ${seconds} s each, ${rounds} rounds; model pack ${values.pack}`);

// Ctrl-C ends the run after the case in progress; what was measured is printed as at any other end.
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
const goesOn = (name: (typeof ALL_CASES)[number]) => cases.includes(name) && !interrupted.signal.aborted;

const run = stack.use(await Run.start(subjects, { pack }));
for (const one of CASES) {
  if (!goesOn(one.name)) continue;
  const picture = await pictureOf(one.picture);
  const rows = await run.measure(one, picture, { callers, rounds, ms: seconds * 1000 });
  print(`### ${one.form === 'raw' ? '' : `${one.form}: `}${picture.description}`);
  if (rows.length > 0) print(caseTable(rows));
}

const usual = await pictureOf(USUAL);
const stages = goesOn('stages') ? await stageCosts(usual.bytes, PROFILES, STAGE_REPEATS, pack) : null;
if (stages) print(`### CPU-ms of each stage, pipeline alone: ${usual.description}\n\n${stagesTable(stages)}`);
const settings: Record<string, string> = pack === undefined ? {} : { MODEL_PACK: pack };
const small = goesOn('footprint') ? await footprint(usual, settings, Math.max(4, seconds) * 1000) : null;
if (small) print(footprintText(small));

for (const { subject, what } of run.omitted) print(`Left out: ${subject} ${what}.`);
const load = describeLoad(run.rows.flatMap((row) => row.rounds.map((figures) => figures.machine)));
print(load);
const targets = targetsOf(run.rows, small);
print(`### Targets\n\n${targetsTable(targets)}`);
if (values.json !== '') {
  const rows = run.rows.map((row) => ({ ...row, median: medianOf(row.rounds) }));
  const about = { machine: machine(), load, startedAt, pack: values.pack, seconds, rounds };
  const all = { ...about, rows, stages, footprint: small, omitted: run.omitted, targets };
  await writeFile(values.json, `${JSON.stringify(all, null, 2)}\n`);
}

/** The manifest that `--pack` means; undefined for the default one. */
async function packPath(): Promise<string | undefined> {
  if (values.pack === 'default') return undefined;
  if (values.pack !== '0.1.0') return values.pack;
  const { folder } = await lastRelease();
  return stack.use(await earlierPack(join(folder, 'models/manifest.json'))).path;
}
