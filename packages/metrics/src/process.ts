import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MetricName } from './catalogue.ts';
import type { Registry, Sample } from './registry.ts';

/** How often the event loop's delay is sampled, ms. Every 20 ms took 1.7 CPU-ms a second of an idle process, this a fifth. */
const SAMPLE_EVERY_MS = 100;

/**
 * Adds CPU time, memory, files and the event loop of this process to a registry, until disposed.
 *
 * Not prom-client's `collectDefaultMetrics`, though the names are the same: its delays of the event loop include the sampling interval, it
 * cannot be stopped, and it adds 30 series that are not needed, with an observer of every garbage collection.
 * @example
 * using figures = startProcessFigures(registry);
 */
export function startProcessFigures(registry: Registry): Disposable {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_EVERY_MS });
  delay.enable();
  // The histogram records the whole interval between two samples, the intended one included.
  const lag = (ns: number) => Math.max(0, ns / 1e9 - SAMPLE_EVERY_MS / 1e3);
  const start = Date.now() / 1000 - process.uptime();
  const maxFiles = openFilesLimit();
  const unregister = registry.read(() => {
    const { user, system } = process.cpuUsage();
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    const files = openFiles();
    const figures = {
      process_cpu_user_seconds_total: user / 1e6,
      process_cpu_system_seconds_total: system / 1e6,
      process_cpu_seconds_total: (user + system) / 1e6,
      process_start_time_seconds: start,
      process_resident_memory_bytes: rss,
      ...(files !== null && { process_open_fds: files }),
      ...(maxFiles !== null && { process_max_fds: maxFiles }),
      nodejs_heap_size_total_bytes: heapTotal,
      nodejs_heap_size_used_bytes: heapUsed,
      nodejs_external_memory_bytes: external,
      // Every percentile is 0 before the first sample.
      nodejs_eventloop_lag_p50_seconds: lag(delay.percentile(50)),
      nodejs_eventloop_lag_p99_seconds: lag(delay.percentile(99)),
      nodejs_eventloop_lag_max_seconds: delay.count === 0 ? 0 : lag(delay.max),
    } satisfies Partial<Record<MetricName, number>>;
    delay.reset();
    return Object.entries(figures).map(([name, value]) => ({ name, labels: {}, value }) as Sample);
  });
  return {
    [Symbol.dispose]() {
      unregister();
      delay.disable();
    },
  };
}

/** Null where the system has no /proc. */
function openFiles(): number | null {
  try {
    // One of them is the directory itself.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return null;
  }
}

/** Limit of open files and sockets of this process (`ulimit -n`); null on systems without /proc. */
export function openFilesLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? null : soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return null;
  }
}
