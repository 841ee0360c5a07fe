/** Progress of a run. */
export interface Progress {
  /** Images that have ended, the failed ones included. */
  done: number;
  failed: number;
  /** Null while unknown. */
  total: number | null;
  /** Images a second, recently. */
  rate: number;
  elapsedMs: number;
}

/** Longest bar, cells. */
const MAX_BAR = 40;
/** Shortest bar that is worth drawing, cells. */
const MIN_BAR = 8;

/** Time until the end at this rate, ms; null while unknown. */
export function remainingMs({ done, total, rate }: Progress): number | null {
  return total === null || rate <= 0 ? null : (Math.max(0, total - done) / rate) * 1000;
}

/** A duration in at most two units, rounded up to whole seconds: `45 s`, `2 min 5 s`, `3 h 20 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Progress as text. */
export function progressText(progress: Progress): string {
  const { done, failed, total, rate } = progress;
  const left = remainingMs(progress);
  return [
    total === null ? `${done} done` : `${done}/${total}`,
    total && `${Math.floor((Math.min(done, total) / total) * 100)} %`,
    `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`,
    left !== null && `${formatDuration(left)} left`,
    failed > 0 && `${failed} failed`,
  ]
    .filter(Boolean)
    .join('  ');
}

/**
 * Progress as a line for a terminal, with a bar where there is room.
 * @param width columns; longest line
 */
export function progressBar(progress: Progress, width: number): string {
  const text = progressText(progress);
  const { done, total } = progress;
  const cells = Math.min(MAX_BAR, width - text.length - 4);
  if (!total || cells < MIN_BAR) return text.slice(0, Math.max(0, width));
  const full = Math.floor((Math.min(done, total) / total) * cells);
  return `[${'#'.repeat(full)}${' '.repeat(cells - full)}]  ${text}`;
}

/** How many images were done at a time. */
export interface Sample {
  /** Milliseconds of a monotonic clock. */
  at: number;
  done: number;
}

/** Window of a rate, ms: long enough for images that end in waves, short enough to follow a worker that joins. */
const RATE_WINDOW_MS = 30_000;

/** Adds a sample and drops those that no longer count: it keeps the last one before the window and all in the window. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const all = [...samples, sample];
  const inWindow = all.findIndex(({ at }) => at > sample.at - RATE_WINDOW_MS);
  return all.slice(Math.max(0, inWindow - 1));
}

/** Images a second over the samples. */
export function rateOf(samples: readonly Sample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at <= first.at) return 0;
  return ((last.done - first.done) / (last.at - first.at)) * 1000;
}
