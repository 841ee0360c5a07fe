/** Injects planned faults, and measures how long the recovery takes. */
import { sleep } from '@facequeue/time';
import type { Fleet } from '../../test/support/fleet/fleet.ts';
import type { Link } from '../../test/support/fleet/link.ts';
import type { Replica } from '../../test/support/fleet/replica.ts';
import { activeJobIds, untilEnded } from './active-jobs.ts';
import { type Fault, victimOf } from './plan/faults.ts';

const POLL_EVERY_MS = 20;
/** Time for the active jobs of a victim to end, ms; after that they never do. */
const RECOVERY_MS = 120_000;
/** Time for a worker to have a job at the moment at which it is to be killed or frozen, ms. */
const HAS_JOBS_MS = 10_000;
/** An engine whose worker was killed exits in this time, ms. */
const ORPHAN_MS = 5000;

export interface InjectedFault {
  fault: Fault;
  /** When it began, milliseconds of `performance.now()`. */
  startedAt: number;
  /** Milliseconds from the fault until all active jobs of its victim had ended; null when it had none. */
  recoveryMs: number | null;
  /** Milliseconds from the fault until the first image ended whose client started after it; null when none did. */
  nextMs: number | null;
}

export interface Injection {
  /** Faults at a time. */
  concurrency: number;
  /** The share of images that have ended, 0..1. */
  progress(): number;
  /** Whether the clients are done, so that no more faults are injected. */
  over(): boolean;
  nextEnd(since: number): Promise<number | null>;
  onProblem(problem: string): void;
  /** Called when a fault begins. */
  onFault(fault: Fault): void;
}

/** Injects faults when they are due, a few at a time, and only into victims that have recovered from their previous fault. */
export async function injectFaults(
  fleet: Fleet,
  faults: readonly Fault[],
  injection: Injection,
): Promise<InjectedFault[]> {
  const injected: InjectedFault[] = [];
  const running = new Map<string, Promise<void>>();
  for (const fault of faults) {
    const victim = victimOf(fault);
    while (injection.progress() < fault.at || running.has(victim) || running.size >= injection.concurrency) {
      if (injection.over()) break;
      await sleep(POLL_EVERY_MS);
    }
    if (injection.over()) break;
    injection.onFault(fault);
    const one = injectFault(fleet, fault, injection)
      .then(
        (done) => void injected.push(done),
        (error) => injection.onProblem(`${fault.kind}: ${error instanceof Error ? error.stack : error}`),
      )
      .finally(() => running.delete(victim));
    running.set(victim, one);
  }
  await Promise.all(running.values());
  return injected;
}

async function injectFault(fleet: Fleet, fault: Fault, injection: Injection): Promise<InjectedFault> {
  const active = await activeJobsOfVictim(fleet, fault, injection);
  const startedAt = performance.now();
  const next = injection.nextEnd(startedAt);
  const all = untilEnded(fleet.inside, fleet.prefix, active, RECOVERY_MS).then(() => performance.now());
  all.catch(() => {}); // Awaited below.
  await inject(fleet, fault, injection);
  const [recoveredAt, nextAt] = [await all, await next];
  return {
    fault,
    startedAt,
    recoveryMs: active.length > 0 ? recoveredAt - startedAt : null,
    nextMs: nextAt === null ? null : nextAt - startedAt,
  };
}

/**
 * Ids of the jobs that the victim has at the moment of the fault. A worker to be killed or frozen is stopped when it has some: otherwise
 * nothing would show how soon they end.
 */
async function activeJobsOfVictim(fleet: Fleet, { kind, place }: Fault, injection: Injection): Promise<string[]> {
  const worker = fleet.workers[place]!;
  const activeJobs = (pid: number) => activeJobIds(fleet.inside, fleet.prefix, pid);
  if (kind === 'kill engine' || kind === 'freeze engine' || kind === 'restart worker')
    return activeJobs((await worker.up()).pid);
  if (kind !== 'kill worker' && kind !== 'freeze worker') return [];
  for (const until = performance.now() + HAS_JOBS_MS; ; await sleep(POLL_EVERY_MS)) {
    const { pid } = await worker.up();
    signal(pid, 'SIGSTOP');
    const active = await activeJobs(pid);
    if (active.length > 0 || injection.over() || performance.now() > until) return active;
    signal(pid, 'SIGCONT');
  }
}

async function inject(fleet: Fleet, { kind, place, ms, lateMs, loses }: Fault, injection: Injection): Promise<void> {
  const worker = fleet.workers[place]!;
  const gateway = fleet.gateways[place]!;
  switch (kind) {
    case 'kill engine':
      return void process.kill(await engineOf(fleet, worker), 'SIGKILL');
    case 'freeze engine':
      return freeze(await engineOf(fleet, worker), ms);
    case 'kill worker':
      return killWorker(fleet, worker, injection);
    case 'kill gateway':
      return gateway.kill();
    case 'freeze worker':
      return freeze((await worker.up()).pid, ms);
    case 'freeze gateway':
      return freeze((await gateway.up()).pid, ms);
    case 'restart worker':
      return worker.replace();
    case 'restart gateway':
      return gateway.replace();
    case 'kill redis':
      await untilWritten(fleet);
      await fleet.redis.kill();
      await sleep(ms);
      return fleet.redis.restart();
    case 'freeze redis':
      await fleet.redis.pause();
      await sleep(ms);
      return fleet.redis.resume();
    case 'full redis':
      await fleet.inside.config('SET', 'maxmemory', '1mb');
      await sleep(ms);
      return void (await fleet.inside.config('SET', 'maxmemory', '0'));
    case 'cut gateway-redis':
    case 'cut worker-redis':
    case 'cut client-gateway':
      return linkOf(fleet, kind, place).cut();
    case 'delay gateway-redis':
    case 'delay worker-redis':
    case 'delay client-gateway':
      return during(ms, linkOf(fleet, kind, place), (link, on) => link.delay(on ? lateMs : 0));
    case 'hole gateway-redis':
    case 'hole worker-redis':
    case 'hole client-gateway':
      return during(ms, linkOf(fleet, kind, place), (link, on) =>
        link.blackhole(on ? (loses ? 'drop' : 'buffer') : null),
      );
  }
}

function linkOf({ loadBalancer, gateways, workers }: Fleet, kind: Fault['kind'], place: number): Link {
  if (kind.endsWith('client-gateway')) return loadBalancer;
  return (kind.endsWith('gateway-redis') ? gateways : workers)[place]!.link;
}

async function during(ms: number, link: Link, set: (link: Link, on: boolean) => void): Promise<void> {
  set(link, true);
  await sleep(ms);
  set(link, false);
}

/**
 * Waits until Redis has written everything it has acknowledged. While its disk is busy with a sync, Redis acknowledges for up to 2 s before
 * it writes (`appendfsync everysec`), so killing it then loses acknowledged writes (docs/reliability.md).
 */
async function untilWritten({ inside }: Fleet): Promise<void> {
  for (;;) {
    const info = await inside.info('persistence');
    if (/^aof_buffer_length:0\r?$/m.test(info) && /^aof_pending_bio_fsync:0\r?$/m.test(info)) return;
  }
}

async function freeze(pid: number, ms: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  await sleep(ms);
  // It may have been ended by another fault, or killed because it did not answer.
  signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** An engine of the worker; waits while there is none. */
async function engineOf(fleet: Fleet, worker: Replica): Promise<number> {
  for (;;) {
    await worker.up();
    const [pid] = fleet.engines(worker);
    if (pid !== undefined) return pid;
    await sleep(POLL_EVERY_MS);
  }
}

async function killWorker(fleet: Fleet, worker: Replica, injection: Injection): Promise<void> {
  await worker.up();
  const engines = fleet.engines(worker);
  await worker.kill();
  const killed = performance.now();
  for (let running = engines; running.length > 0; running = running.filter(runs)) {
    if (performance.now() - killed > ORPHAN_MS) return injection.onProblem(`engines ${running} outlived their worker`);
    await sleep(POLL_EVERY_MS);
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
