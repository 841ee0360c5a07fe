import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { sleep } from '@facequeue/time';

/** A process. Its start time distinguishes it from a later process with the same id. */
export interface ProcessIdentity {
  pid: number;
  /** Boot id of the machine and start time in clock ticks since the boot; opaque. */
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
  const fields = linuxStat(String(pid));
  return !fields || fields[0] === 'Z' ? null : `${bootId()}:${fields[19]}`;
}

/** @returns the fields of /proc/PID/stat from the state on: [0] state, [2] group, [19] start time; null without the process */
function linuxStat(pid: string): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may contain blanks: fields are counted after the last parenthesis.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
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

/** Sends a signal to a process group; does nothing when it has ended. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalOne(-pid, signal);
}

/**
 * Resolves when no process of a group is left, or the time is over.
 * @returns whether the group is gone
 */
export async function groupEnded(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (groupExists(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(5);
  }
  return true;
}

/** On Linux, zombies do not count: an orphan stays one where the first process of a container does not reap it. */
function groupExists(pid: number): boolean {
  if (process.platform === 'linux') return readdirSync('/proc').some((name) => groupOf(name) === pid);
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** @returns the group of a process of /proc; null for a zombie and anything else */
function groupOf(name: string): number | null {
  const fields = /^\d+$/.test(name) ? linuxStat(name) : null;
  return fields && fields[0] !== 'Z' ? Number(fields[2]) : null;
}

/** Sends a signal to a process; does nothing when it has ended. */
export function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends a process that is not our child and leads its own group: SIGTERM, after `graceMs` SIGKILL, and SIGKILL to the rest of
 * its group. Never signals another process that has received the same id.
 * @returns whether it was running
 */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<boolean> {
  const wasRunning = isRunning(identity);
  if (wasRunning) {
    signalOne(identity.pid, 'SIGTERM');
    await ended(identity, graceMs);
  }
  if (isRunning(identity) || hasGroup(identity)) signalGroup(identity.pid, 'SIGKILL');
  // Only a process that is stuck in the kernel survives SIGKILL.
  await ended(identity, 10_000);
  return wasRunning;
}

/** The kernel does not reuse a process id while a group has it, so a group without its leader is still the leader's. */
const hasGroup = ({ pid, started }: ProcessIdentity) =>
  process.platform === 'linux' && identify(pid) === null && started.startsWith(`${bootId()}:`);

/** Polls, because the end of a process that is not our child cannot be awaited. */
async function ended(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}
