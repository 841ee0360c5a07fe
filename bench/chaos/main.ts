/**
 * `npm run chaos [-- --jobs 10000 --faults 100 --seed 1]`: clients of every kind use an installation of real processes while faults are
 * injected. Fails unless every accepted job has ended exactly once, as in an undisturbed run, the installation recovered in time, and nothing
 * is left behind.
 * docs/reliability.md says what is promised and has tables of long runs.
 */
import { isFacequeueError } from '@facequeue/client';
import { countedClient } from '../../test/support/clients/counted-client.ts';
import { startFleet } from '../../test/support/fleet/fleet.ts';
import { startFileServer } from '../../test/support/servers/file-server.ts';
import { machine } from '../support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from '../support/options.ts';
import { auditJobs, auditUntilSettled, leftovers, untilQuiet } from './audit.ts';
import { type CallCounts, type Caller, retryCall } from './clients/caller.ts';
import { followCameras } from './clients/many.ts';
import { runOperations } from './clients/run-operations.ts';
import { type Baseline, Expectations } from './expectations.ts';
import { type InjectedFault, injectFaults } from './inject-fault.ts';
import { addLog, noLogCounts, observeEnds } from './observer.ts';
import { photographs, tinyPictures } from './pictures.ts';
import { FAULT_KINDS, faultKind, PLACES, planFaults } from './plan/faults.ts';
import { planOperations } from './plan/operations.ts';
import { countProcesses } from './process-counts.ts';
import { lateRecoveries } from './recovery.ts';
import { printTable } from './table.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';

const values = readOptions(
  'npm run chaos --',
  'Runs clients of every kind on an installation of real processes while faults are injected, and checks that nothing is lost.',
  {
    jobs: { default: '10000', help: 'images in all' },
    faults: { default: '100', help: 'faults in all' },
    seed: { default: '1', help: 'seed of the plan of operations and faults' },
    longest: { default: '10', help: 'longest duration of a fault, seconds' },
    lanes: { default: '48', help: 'operations at a time' },
    kinds: { default: FAULT_KINDS.join(), help: 'kinds of faults, with commas' },
    'at-once': { default: '3', help: 'faults at a time' },
    photos: { default: false, help: 'real photographs instead of tiny pictures' },
    verbose: { default: false, help: 'print each fault as it happens, and errors from the logs' },
  },
);
const jobs = numberOption('jobs', values.jobs);
const faults = numberOption('faults', values.faults, 0);
const seed = numberOption('seed', values.seed, 0);
const longestMs = numberOption('longest', values.longest, 1, MAX_SECONDS) * 1000;
const lanes = numberOption('lanes', values.lanes);
const kinds = values.kinds.split(',').map(faultKind);
const concurrency = numberOption('at-once', values['at-once']);
/** Most problems printed; thousands may have one cause. */
const PRINTED_PROBLEMS = 25;

const startedAt = performance.now();
const logs = noLogCounts();
const counts: CallCounts = { requests: 0, failedRequests: 0, failedCalls: 0 };
const earlyProblems: string[] = [];
let expectations: Expectations | null = null;
const onProblem = (problem: string) => void (expectations?.problems ?? earlyProblems).push(problem);

const bytes = await (values.photos ? photographs() : tinyPictures());
const files = await startFileServer(new Map(bytes.map((each, i) => [`/${i}`, each])));
await using webhooks = await startWebhookReceiver();
using processes = countProcesses(process.pid);
let outcome: { injected: InjectedFault[]; seconds: number; endedTwice: number };
{
  await using fleet = await startFleet({
    replicas: PLACES,
    env: {
      ENGINES: '1',
      // Longer than any freeze: an image that takes longer ends as failed.
      ENGINE_TIMEOUT: '20s',
      LOG_LEVEL: 'debug',
      // Longer than any run: at its end all jobs are read once more.
      RESULT_TTL: '24h',
      SOURCE_ALLOW: `${files.host},${webhooks.host}`,
      WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    },
    onProblem,
    onEnded: (_, app) => addLog(logs, app),
  });
  using observer = await observeEnds(fleet.redis.url, fleet.prefix);
  const client = countedClient({ baseUrl: fleet.url }, counts);
  const baseline = await Promise.all(bytes.map(baselineOf));
  expectations = new Expectations(baseline);
  const caller: Caller = {
    client,
    expectations,
    counts,
    pictures: bytes.map((each, i) => ({ bytes: each, url: files.url(`/${i}`) })),
    webhookUrl: webhooks.url,
    expectWebhook: webhooks.expect,
  };

  const operations = planOperations({ jobs, seed, pictures: bytes.length });
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let isOver = false;
  const following = new AbortController();
  const cameras = followCameras(caller, following.signal);
  const at = () => ((performance.now() - startedAt) / 1000).toFixed(1);
  const injecting = injectFaults(fleet, planFaults({ faults, seed, longestMs, kinds }), {
    concurrency,
    progress: () => expectations!.ended / jobs,
    over: () => isOver,
    nextEnd: (since) => expectations!.nextEnd(since, over),
    onProblem,
    onFault: ({ kind, place, ms }) => {
      if (values.verbose) console.log(`${at()} s, ${expectations!.ended} images: ${kind} ${place + 1}, ${ms} ms`);
    },
  });
  await runOperations(caller, operations, lanes);
  isOver = true;
  end();
  const injected: InjectedFault[] = await injecting;
  for (const late of lateRecoveries(injected)) onProblem(late);
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.all([...fleet.gateways, ...fleet.workers].map((replica) => replica.up()));

  await untilQuiet(fleet).catch((error: Error) => onProblem(error.message));
  await auditJobs(caller);
  await webhooks.settle(expectations);
  await checkFrames();
  following.abort();
  await cameras.done;
  for (const problem of await auditUntilSettled(fleet)) onProblem(`audit: ${problem}`);
  for (const leftover of await leftovers(fleet)) onProblem(`left behind: ${leftover}`);
  const twice = observer.twice();
  for (const id of twice) onProblem(`the end of ${id} was announced twice`);
  processes.sample();
  await fleet.close();
  outcome = { injected, seconds, endedTwice: expectations.endedTwice + twice.length };

  /** How a picture ends without faults. */
  async function baselineOf(picture: Uint8Array): Promise<Baseline> {
    try {
      const { jobId: _, facesLeftOut: __, ...result } = await client.detect({ bytes: picture });
      return { result: JSON.stringify(result) };
    } catch (error) {
      if (!isFacequeueError(error)) throw error;
      return { error: error.code };
    }
  }

  /** Checks that every frame came in its camera's stream, unless a newer one replaced it. */
  async function checkFrames(): Promise<void> {
    const processed = [...expectations!.entries].filter(
      ([, { kind, allowed, seen }]) =>
        kind === 'frame' && (seen ? seen.status !== 'canceled' : !allowed.includes('canceled')),
    );
    const missing = () => processed.filter(([id]) => !cameras.seen.has(id));
    await retryCall(caller, 'the streams of cameras', async (signal) => {
      while (missing().length > 0 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
    });
    for (const [id] of missing()) {
      expectations!.lost += 1;
      onProblem(`${id} never came in its camera's stream`);
    }
    for (const [id] of processed) if (cameras.seen.has(id)) expectations!.observed(id, 'camera', cameras.seen.get(id)!);
  }
}
await files.close();
for (const { command } of processes.remaining()) onProblem(`still running: ${command}`);

console.log(machine());
console.log(
  `${values.photos ? 'Photographs' : 'Tiny pictures'}, seed ${seed}; 2 gateways, 2 workers with one engine each, ${lanes} clients at a time\n`,
);
printTable({ ...outcome, expectations, counts, processes, logs, webhooks: webhooks.count });
const problems = [...earlyProblems, ...expectations.problems];
if (values.verbose) for (const [message, count] of logs.errors) console.log(`${count} x ${message}`);
console.log(
  `\n${problems.length === 0 ? 'Nothing was lost, and every recovery was in time.' : `${problems.length} problems:`}`,
);
for (const problem of problems.slice(0, PRINTED_PROBLEMS)) console.log(problem);
if (problems.length > 0) process.exitCode = 1;
