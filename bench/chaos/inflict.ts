/** Makes a planned fault happen, and measures how long it took to get over it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../../test/support/fleet/fleet.ts';
import type { Link } from '../../test/support/fleet/link.ts';
import type { Replica } from '../../test/support/fleet/replica.ts';
import { jobsInHand, untilEnded } from './held.ts';
import { type Fault, victimOf } from './plan/faults.ts';

const LOOK_EVERY_MS = 20;
/** What a victim had in hand has ended within this, ms, or never will. */
const GET_OVER_MS = 120_000;
/** An engine whose worker was killed is gone within this, ms. */
const ORPHAN_MS = 5000;

export interface Inflicted {
  fault: Fault;
  /** Milliseconds from the fault until all that its victim had in hand had ended; null when it had nothing, or has no hands. */
  heldMs: number | null;
  /** Milliseconds from the fault until the first image ended whose client began after it; null when none did. */
  nextMs: number | null;
}

export interface Watch {
  /** Faults at a time. */
  atOnce: number;
  /** The share of images that have ended, 0..1. */
  progress(): number;
  /** Whether the clients are done: nothing more is to go wrong. */
  over(): boolean;
  nextEnd(since: number): Promise<number | null>;
  onProblem(problem: string): void;
  /** Told as each begins. */
  onFault(fault: Fault): void;
}

/** Makes faults happen as their time comes, a few at a time and none to what has not got over the one before. */
export async function inflictAll(fleet: Fleet, faults: readonly Fault[], watch: Watch): Promise<Inflicted[]> {
  const inflicted: Inflicted[] = [];
  const running = new Map<string, Promise<void>>();
  for (const fault of faults) {
    const victim = victimOf(fault);
    while (watch.progress() < fault.at || running.has(victim) || running.size >= watch.atOnce) {
      if (watch.over()) break;
      await sleep(LOOK_EVERY_MS);
    }
    if (watch.over()) break;
    watch.onFault(fault);
    const one = inflict(fleet, fault, watch)
      .then(
        (done) => void inflicted.push(done),
        (error) => watch.onProblem(`${fault.kind}: ${error instanceof Error ? error.stack : error}`),
      )
      .finally(() => running.delete(victim));
    running.set(victim, one);
  }
  await Promise.all(running.values());
  return inflicted;
}

async function inflict(fleet: Fleet, fault: Fault, watch: Watch): Promise<Inflicted> {
  const [deed = '', what = ''] = fault.kind.split(' ');
  const worker = fleet.workers[fault.place]!;
  const hands =
    (deed === 'kill' || deed === 'freeze' || deed === 'restart') && (what === 'worker' || what === 'engine');
  const held = hands ? await jobsInHand(fleet.inside, fleet.prefix, (await worker.up()).pid) : [];
  const began = performance.now();
  const next = watch.nextEnd(began);
  const all = untilEnded(fleet.inside, fleet.prefix, held, GET_OVER_MS).then(() => performance.now());
  all.catch(() => {}); // Awaited below.
  await act(fleet, fault, watch);
  const [heldAt, nextAt] = [await all, await next];
  return { fault, heldMs: held.length > 0 ? heldAt - began : null, nextMs: nextAt === null ? null : nextAt - began };
}

async function act(fleet: Fleet, { kind, place, ms, lateMs, loses }: Fault, watch: Watch): Promise<void> {
  const worker = fleet.workers[place]!;
  const gateway = fleet.gateways[place]!;
  switch (kind) {
    case 'kill engine':
      return void process.kill(await engineOf(fleet, worker), 'SIGKILL');
    case 'freeze engine':
      return freeze(await engineOf(fleet, worker), ms);
    case 'kill worker':
      return killWorker(fleet, worker, watch);
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
      await nothingHeldBack(fleet);
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
 * While its disk is busy with a sync, Redis answers for up to 2 s before it writes (`appendfsync everysec`): to kill it then loses what it
 * has acknowledged, whoever uses it. That is Redis' promise, not ours; docs/reliability.md says so.
 */
async function nothingHeldBack({ inside }: Fleet): Promise<void> {
  for (;;) {
    const info = await inside.info('persistence');
    if (/^aof_buffer_length:0\r?$/m.test(info) && /^aof_pending_bio_fsync:0\r?$/m.test(info)) return;
  }
}

async function freeze(pid: number, ms: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  await sleep(ms);
  // Ended by another fault, or killed for not answering.
  signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** An engine of the worker; the next one while there is none. */
async function engineOf(fleet: Fleet, worker: Replica): Promise<number> {
  for (;;) {
    await worker.up();
    const [pid] = fleet.engines(worker);
    if (pid !== undefined) return pid;
    await sleep(LOOK_EVERY_MS);
  }
}

async function killWorker(fleet: Fleet, worker: Replica, watch: Watch): Promise<void> {
  await worker.up();
  const engines = fleet.engines(worker);
  await worker.kill();
  const killed = performance.now();
  for (let left = engines; left.length > 0; left = left.filter(runs)) {
    if (performance.now() - killed > ORPHAN_MS) return watch.onProblem(`engines ${left} outlived their worker`);
    await sleep(LOOK_EVERY_MS);
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
