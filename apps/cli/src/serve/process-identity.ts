import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process, told apart from a later one with the same id by when it was started. */
export interface ProcessIdentity {
  pid: number;
  /** Boot of the machine and start time in clock ticks since; opaque. */
  started: string;
}

/** @returns null when no such process runs (a zombie does not) */
export function identify(pid: number): ProcessIdentity | null {
  const started = process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
  return started === null ? null : { pid, started };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

function linuxStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may hold blanks: fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === 'Z' ? null : `${bootId()}:${startTime}`;
  } catch {
    return null;
  }
}

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

function psStart(pid: number): string | null {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

/** Sends a signal to a process group; that it has ended meanwhile is no failure. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalOne(-pid, signal);
}

/** Sends a signal to a process; that it has ended meanwhile is no failure. */
export function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends a process that is not our child and leads its own group: SIGTERM, after `graceMs` SIGKILL, and SIGKILL to what is
 * left of its group. Never touches another process that was given the same id.
 * @returns whether it ran
 */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<boolean> {
  const ran = isRunning(identity);
  if (ran) {
    signalOne(identity.pid, 'SIGTERM');
    await ended(identity, graceMs);
  }
  if (isRunning(identity) || leftAGroup(identity)) signalGroup(identity.pid, 'SIGKILL');
  // Only a process stuck in the kernel outlives this.
  await ended(identity, 10_000);
  return ran;
}

/** A number is not given to a new process while a group still has it: with the leader gone, the group is the leader's. */
const leftAGroup = ({ pid, started }: ProcessIdentity) =>
  process.platform === 'linux' && identify(pid) === null && started.startsWith(`${bootId()}:`);

/** The end of a process that is not our child cannot be waited for, only looked at. */
async function ended(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}
