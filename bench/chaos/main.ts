/**
 * `npm run chaos [-- --jobs 10000 --faults 100 --seed 1]`: clients of every kind at work on an installation of real processes in which things
 * go wrong. Fails unless every promised job has ended exactly once, as in a calm run, and nothing is left behind. docs/reliability.md says
 * what is promised and has tables of long runs. `--photos`: real photographs instead of tiny pictures. `--longest s`: no fault lasts longer.
 * `--lanes n`: errands at a time. `--kinds 'kill engine,kill worker'`: faults of these kinds only; `--at-once n`: so many at a time at most.
 * `--verbose`: each fault as it happens, and errors the processes have logged.
 */
import { parseArgs } from 'node:util';
import { isFacequeueError } from '@facequeue/client';
import { countedClient } from '../../test/support/clients/counted-client.ts';
import { startFleet } from '../../test/support/fleet/fleet.ts';
import { startFileServer } from '../../test/support/servers/file-server.ts';
import { machine } from '../machine.ts';
import { numberOption } from '../options.ts';
import { audited, auditJobs, leftovers, untilQuiet } from './audit.ts';
import { takeCensus } from './census.ts';
import { type Caller, persist, type Tally } from './clients/caller.ts';
import { runErrands } from './clients/errand.ts';
import { followCameras } from './clients/many.ts';
import { receiveHooks } from './hooks.ts';
import { type Inflicted, inflictAll } from './inflict.ts';
import { type Calm, Ledger } from './ledger.ts';
import { photographs, tinyPictures } from './pictures.ts';
import { planErrands } from './plan/errands.ts';
import { FAULT_KINDS, faultKind, PLACES, planFaults } from './plan/faults.ts';
import { printTable } from './table.ts';
import { addLog, hearEnds, noFigures } from './witness.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '10000' },
    faults: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    longest: { type: 'string', default: '10' },
    lanes: { type: 'string', default: '48' },
    kinds: { type: 'string', default: FAULT_KINDS.join() },
    'at-once': { type: 'string', default: '3' },
    photos: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const jobs = numberOption('jobs', values.jobs);
const faults = numberOption('faults', values.faults, 0);
const seed = numberOption('seed', values.seed, 0);
const longestMs = numberOption('longest', values.longest) * 1000;
const lanes = numberOption('lanes', values.lanes);
const kinds = values.kinds.split(',').map(faultKind);
const atOnce = numberOption('at-once', values['at-once']);
/** Problems that are printed; there may be thousands with one cause. */
const SHOWN_PROBLEMS = 25;

const began = performance.now();
const logs = noFigures();
const tally: Tally = { requests: 0, failedRequests: 0, failedCalls: 0 };
const early: string[] = [];
let ledger: Ledger | null = null;
const onProblem = (problem: string) => void (ledger?.problems ?? early).push(problem);

const bytes = await (values.photos ? photographs() : tinyPictures());
const files = await startFileServer(new Map(bytes.map((each, i) => [`/${i}`, each])));
await using hooks = await receiveHooks();
using census = takeCensus(process.pid);
let outcome: { inflicted: Inflicted[]; seconds: number; endedTwice: number };
{
  await using fleet = await startFleet({
    replicas: PLACES,
    env: {
      ENGINES: '1',
      LOG_LEVEL: 'debug',
      // Longer than any run: at its end everything is asked for once more.
      RESULT_TTL: '24h',
      SOURCE_ALLOW: `${files.host},${hooks.host}`,
      WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    },
    onProblem,
    onEnded: (_, app) => addLog(logs, app),
  });
  using witness = await hearEnds(fleet.redis.url, fleet.prefix);
  const client = countedClient({ baseUrl: fleet.url }, tally);
  const calm = await Promise.all(bytes.map(calmly));
  ledger = new Ledger(calm);
  const caller: Caller = {
    client,
    ledger,
    tally,
    pictures: bytes.map((each, i) => ({ bytes: each, url: files.url(`/${i}`) })),
    hook: hooks.url,
    expectHook: hooks.expect,
  };

  const errands = planErrands({ jobs, seed, pictures: bytes.length });
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let isOver = false;
  const following = new AbortController();
  const cameras = followCameras(caller, following.signal);
  const at = () => ((performance.now() - began) / 1000).toFixed(1);
  const faulty = inflictAll(fleet, planFaults({ faults, seed, longestMs, kinds }), {
    atOnce,
    progress: () => ledger!.ended / jobs,
    over: () => isOver,
    nextEnd: (since) => ledger!.nextEnd(since, over),
    onProblem,
    onFault: ({ kind, place, ms }) => {
      if (values.verbose) console.log(`${at()} s, ${ledger!.ended} images: ${kind} ${place + 1}, ${ms} ms`);
    },
  });
  await runErrands(caller, errands, lanes);
  isOver = true;
  end();
  const inflicted: Inflicted[] = await faulty;
  const seconds = (performance.now() - began) / 1000;
  await Promise.all([...fleet.gateways, ...fleet.workers].map((replica) => replica.up()));

  await untilQuiet(fleet).catch((error: Error) => onProblem(error.message));
  await auditJobs(caller);
  await hooks.settle(ledger);
  await allFramesSeen();
  following.abort();
  await cameras.done;
  for (const problem of await audited(fleet)) onProblem(`audit: ${problem}`);
  for (const left of await leftovers(fleet)) onProblem(`left behind: ${left}`);
  const twice = witness.twice();
  for (const id of twice) onProblem(`the end of ${id} was announced twice`);
  census.look();
  await fleet.close();
  outcome = { inflicted, seconds, endedTwice: ledger.endedTwice + twice.length };

  /** How a picture ends while nothing goes wrong. */
  async function calmly(picture: Uint8Array): Promise<Calm> {
    try {
      const { jobId: _, ...result } = await client.detect({ bytes: picture });
      return { result: JSON.stringify(result) };
    } catch (error) {
      if (!isFacequeueError(error)) throw error;
      return { error: error.code };
    }
  }

  /** Every frame came in its camera's stream, unless a newer one had replaced it. */
  async function allFramesSeen(): Promise<void> {
    const processed = [...ledger!.entries].filter(
      ([, { kind, may, seen }]) => kind === 'frame' && (seen ? seen.status !== 'canceled' : !may.includes('canceled')),
    );
    const missing = () => processed.filter(([id]) => !cameras.seen.has(id));
    await persist(caller, 'the streams of cameras', async (signal) => {
      while (missing().length > 0 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
    });
    for (const [id] of missing()) {
      ledger!.lost += 1;
      onProblem(`${id} never came in its camera's stream`);
    }
    for (const [id] of processed) if (cameras.seen.has(id)) ledger!.saw(id, 'camera', cameras.seen.get(id)!);
  }
}
await files.close();
for (const { command } of census.left()) onProblem(`still runs: ${command}`);

console.log(machine());
console.log(
  `${values.photos ? 'Photographs' : 'Tiny pictures'}, seed ${seed}; 2 gateways, 2 workers with one engine each, ${lanes} clients at a time\n`,
);
printTable({ ...outcome, ledger, tally, census, logs, hooks: hooks.count });
const problems = [...early, ...ledger.problems];
if (values.verbose) for (const [message, count] of logs.errors) console.log(`${count} x ${message}`);
console.log(`\n${problems.length === 0 ? 'Nothing was lost.' : `${problems.length} problems:`}`);
for (const problem of problems.slice(0, SHOWN_PROBLEMS)) console.log(problem);
if (problems.length > 0) process.exitCode = 1;
