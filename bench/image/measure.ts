/** One measurement: how fast a subject processes images, and what that takes of the machine. */
import { cpuMs, residentBytes } from '../../test/support/processes/process-table.ts';
import { type Collections, collectionsOf } from '../support/collections/read.ts';
import { percentile } from '../support/statistics.ts';
import { type CpuShares, readCpuTimes, sharesOf } from './machine-load.ts';
import type { Load, Subject } from './subject.ts';

/** Figures of a measurement. Those of processes are sums over the processes of a role. */
export interface Figures {
  images: number;
  /** Images per second. */
  rate: number;
  /** ms from the begin of an image to its end. */
  p50: number;
  p95: number;
  p99: number;
  /** CPU-ms per image by role. */
  cpu: Record<string, number>;
  /** Garbage collections per image by role; only roles that count them. */
  minor: Record<string, number>;
  full: Record<string, number>;
  /** MB by role, at the end. */
  resident: Record<string, number>;
  /** How busy the machine was meanwhile. */
  machine: CpuShares;
}

/** Has a subject process images, and reads what that took from outside. @throws when it fails at one */
export async function measure(subject: Subject, load: Load): Promise<Figures> {
  const processes = subject.processes();
  const cpuOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const read = () => ({
    cpu: mapped(processes, cpuOf),
    collections: mapped(processes, collectionsOfAll),
    machine: readCpuTimes(),
    at: performance.now(),
  });
  const before = read();
  const samples = await subject.run(load);
  const after = read();
  const images = samples.length;
  const counted = (kind: keyof Collections) =>
    Object.fromEntries(
      Object.entries(after.collections).flatMap(([role, end]) => {
        const start = before.collections[role];
        return start && end ? [[role, (end[kind] - start[kind]) / images]] : [];
      }),
    );
  const used = mapped(after.cpu, (ms, role) => ms - before.cpu[role]!);
  const own = Object.values(used).reduce((sum, ms) => sum + ms, 0);
  return {
    images,
    rate: (images / (after.at - before.at)) * 1000,
    p50: percentile(samples, 0.5),
    p95: percentile(samples, 0.95),
    p99: percentile(samples, 0.99),
    cpu: mapped(used, (ms) => ms / images),
    minor: counted('minor'),
    full: counted('full'),
    resident: mapped(processes, (pids) => pids.reduce((sum, pid) => sum + residentBytes(pid), 0) / 1e6),
    machine: sharesOf(before.machine, after.machine, own),
  };
}

function mapped<T, R>(record: Record<string, T>, map: (value: T, key: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}

/** Of several processes together; null when one of them does not count its collections. */
function collectionsOfAll(pids: readonly number[]): Collections | null {
  const all = pids.map(collectionsOf);
  const sum = (kind: keyof Collections) => all.reduce((total, one) => total + (one?.[kind] ?? 0), 0);
  return pids.length > 0 && all.every(Boolean) ? { minor: sum('minor'), full: sum('full') } : null;
}
