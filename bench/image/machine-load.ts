/** How busy the machine is with other things than what is measured, from /proc/stat. */
import { readFileSync } from 'node:fs';

/** Ticks of all cores since the machine's start. */
export interface CpuTimes {
  /** Spent in processes and the kernel. */
  busy: number;
  /** Taken by other machines on the same host. */
  steal: number;
  all: number;
}

/** Shares of all cores in an interval, 0..1. */
export interface CpuShares {
  /** Processes that are not those that were measured. */
  others: number;
  steal: number;
}

/** Length of a tick, ms. */
const TICK_MS = 10;

export function readCpuTimes(): CpuTimes {
  return parseCpuTimes(readFileSync('/proc/stat', 'utf8'));
}

/** @param stat contents of /proc/stat */
export function parseCpuTimes(stat: string): CpuTimes {
  // user, nice, system, idle, iowait, irq, softirq, steal; time of guests is part of user.
  const [user, nice, system, idle, iowait, irq, softirq, steal] = stat
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number) as [number, number, number, number, number, number, number, number];
  const busy = user + nice + system + irq + softirq;
  return { busy, steal, all: busy + idle + iowait + steal };
}

/** @param ownMs CPU time of the processes that were measured, ms */
export function sharesOf(before: CpuTimes, after: CpuTimes, ownMs: number): CpuShares {
  const all = Math.max(1, after.all - before.all);
  return {
    others: Math.max(0, (after.busy - before.busy - ownMs / TICK_MS) / all),
    steal: Math.max(0, (after.steal - before.steal) / all),
  };
}

/** The share of others up to which a machine counts as quiet: what an idle system does. */
const QUIET_SHARE = 0.05;

/** One sentence on how busy the machine was. @param shares one for each measurement */
export function describeLoad(shares: readonly CpuShares[]): string {
  if (shares.length === 0) return 'Nothing was timed, so the load of the machine was not read.';
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const spread = (of: keyof CpuShares) => {
    const sorted = shares.map((one) => one[of]).sort((a, b) => a - b);
    return { middle: sorted[sorted.length >> 1] ?? 0, most: sorted.at(-1) ?? 0 };
  };
  const [others, steal] = [spread('others'), spread('steal')];
  const quiet = others.most <= QUIET_SHARE && steal.most <= QUIET_SHARE;
  return (
    `${quiet ? 'Quiet' : 'Busy'} machine: of all cores, other processes had ${percent(others.middle)} (at most ${percent(others.most)}) ` +
    `and other machines ${percent(steal.middle)} (at most ${percent(steal.most)}).${quiet ? '' : ' Trust CPU-ms and ratios, not images/s.'}`
  );
}
