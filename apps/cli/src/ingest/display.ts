import { type Progress, progressBar, progressText, rateOf, remainingMs, type Sample, withSample } from './progress.ts';

/** How often a bar is drawn, ms. */
const DRAW_MS = 200;
/** How often a line is printed where there is no terminal, ms. */
const LINE_MS = 5000;

/** The counters that are shown. */
export type Counts = Pick<Progress, 'done' | 'failed' | 'total'>;

/** Standard error, or a fake of it. */
export interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export type DisplayKind = 'bar' | 'lines' | 'json' | 'none';

/** Shows the progress of a run until it is disposed of. */
export interface Display extends Disposable {
  /** Prints a line. */
  message(line: string): void;
  /** Prints the last line. @param how in a word, for programs */
  finish(line: string, how: string): void;
  progress(): Progress;
}

export function startDisplay(kind: DisplayKind, counts: () => Counts, screen: Screen): Display {
  const startedAt = performance.now();
  let samples: Sample[] = [{ at: startedAt, done: 0 }];
  let barVisible = false;
  const progress = (): Progress => {
    const at = performance.now();
    const { done, failed, total } = counts();
    samples = withSample(samples, { at, done });
    return { done, failed, total, rate: rateOf(samples), elapsedMs: at - startedAt };
  };
  const clear = () => {
    if (barVisible) screen.write('\r\x1b[K');
    barVisible = false;
  };
  const show = {
    bar() {
      screen.write(`\r${progressBar(progress(), (screen.columns ?? 80) - 1)}\x1b[K`);
      barVisible = true;
    },
    lines: () => void screen.write(`${progressText(progress())}\n`),
    json: () => json(progressJson(progress())),
    none: () => {},
  }[kind];
  const json = (value: unknown) => void screen.write(`${JSON.stringify(value)}\n`);
  const line = (text: string) => {
    clear();
    screen.write(`${text}\n`);
  };
  const timer = setInterval(show, kind === 'bar' ? DRAW_MS : LINE_MS);
  return {
    message: kind === 'json' ? (message) => json({ message }) : line,
    finish: kind === 'json' ? (_, ended) => json({ ...progressJson(progress()), ended }) : line,
    progress,
    [Symbol.dispose]() {
      clearInterval(timer);
      clear();
    },
  };
}

/** Progress for programs. */
export function progressJson(progress: Progress) {
  const { done, failed, total, rate, elapsedMs } = progress;
  const left = remainingMs(progress);
  return {
    done,
    failed,
    total,
    per_second: Number(rate.toFixed(2)),
    elapsed_s: Math.round(elapsedMs / 1000),
    remaining_s: left === null ? null : Math.ceil(left / 1000),
  };
}
