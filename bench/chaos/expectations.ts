/** How each accepted job must end, and what clients observed. A difference is a problem. */
import type { DetectionResult, JobResource, JobStatus } from '@facequeue/client';

/** How a job ended, as far as one observer could see. */
export interface Observation {
  status: JobStatus;
  finishedAt?: string | null;
  result?: DetectionResult | null;
  error?: string | undefined;
}

interface Entry {
  /** The kind of client that submitted it. */
  kind: string;
  picture: number;
  /** How it may end. */
  allowed: readonly JobStatus[];
  erased: boolean;
  seen: Observation | null;
  /** The observers of its end, in order. */
  by: string[];
  attempts: number;
}

/** How a picture ends in an undisturbed run: its faces as JSON, or the code of its error. */
export type Baseline = { result: string } | { error: string };

export class Expectations {
  readonly problems: string[] = [];
  /** Accepted ids that were observed to end in different ways. */
  endedTwice = 0;
  /** Accepted ids that never ended. */
  lost = 0;
  readonly #baseline: readonly Baseline[];
  readonly #entries = new Map<string, Entry>();
  readonly #images = new Map<string, number>();
  readonly #watchers = new Set<{ since: number; found: (at: number) => void }>();
  #ended = 0;

  /** @param baseline by picture */
  constructor(baseline: readonly Baseline[]) {
    this.#baseline = baseline;
  }

  /** Records that a client received this job id. */
  accepted(id: string, kind: string, picture: number, allowed: readonly JobStatus[]): void {
    const existing = this.#entries.get(id);
    if (existing) {
      if (existing.kind !== kind || existing.picture !== picture) this.problem(`${id} was returned to two callers`);
      return;
    }
    this.#entries.set(id, { kind, picture, allowed, erased: false, seen: null, by: [], attempts: 0 });
  }

  /** Records that an observer saw the end of an accepted job. */
  observed(id: string, by: string, observation: Observation): void {
    const entry = this.#entries.get(id);
    if (!entry) {
      this.problem(`${by} saw ${id}, which no client received`);
      return;
    }
    entry.by.push(by);
    const before = entry.seen;
    if (!before) {
      if (!entry.allowed.includes(observation.status) && !this.#isBaselineFailure(entry.picture, observation)) {
        this.problem(
          `${id} (${entry.kind}) ${observation.status} (${observation.error ?? ''}), expected ${entry.allowed.join(' or ')}`,
        );
      }
      this.compare(`${id} (${entry.kind})`, entry.picture, observation);
      entry.seen = observation;
      return;
    }
    const same =
      before.status === observation.status &&
      (!before.finishedAt || !observation.finishedAt || before.finishedAt === observation.finishedAt);
    if (!same) {
      this.endedTwice += 1;
      this.problem(
        `${id} (${entry.kind}) ${observation.status} at ${observation.finishedAt} as ${by} saw it, ${before.status} at ${before.finishedAt} as ${entry.by.slice(0, -1)} did`,
      );
    }
    if (observation.result) this.compare(`${id} (${entry.kind})`, entry.picture, observation);
    entry.seen = { ...before, finishedAt: before.finishedAt ?? observation.finishedAt ?? null };
  }

  observedJob(by: string, job: JobResource): void {
    const entry = this.#entries.get(job.id);
    if (entry) entry.attempts = Math.max(entry.attempts, job.attempts);
    this.observed(job.id, by, {
      status: job.status,
      finishedAt: job.finished_at,
      result: job.result,
      error: job.error?.code,
    });
  }

  /** Compares an end with the undisturbed run: the same faces, or the same error. */
  compare(what: string, picture: number, { status, result, error }: Observation): void {
    const baseline = this.#baseline[picture]!;
    if (status === 'succeeded' && result !== undefined) {
      if (!('result' in baseline) || JSON.stringify(result) !== baseline.result)
        this.problem(`${what}: other faces than in the undisturbed run`);
    } else if (status === 'failed' && !('error' in baseline && baseline.error === error)) {
      this.problem(`${what} failed with ${error}`);
    }
  }

  erased(id: string): void {
    this.#entries.get(id)!.erased = true;
  }

  /** Records that images of a kind ended for a client that started at `startedAt`. */
  done(kind: string, images: number, startedAt: number): void {
    this.#ended += images;
    this.#images.set(kind, (this.#images.get(kind) ?? 0) + images);
    for (const watcher of this.#watchers) {
      if (startedAt < watcher.since) continue;
      this.#watchers.delete(watcher);
      watcher.found(performance.now());
    }
  }

  /** When the first image ended for a client that started after `since`; null when none did before `until` resolves. */
  nextEnd(since: number, until: Promise<unknown>): Promise<number | null> {
    return new Promise((resolve) => {
      const watcher = { since, found: resolve };
      this.#watchers.add(watcher);
      void until.then(() => {
        this.#watchers.delete(watcher);
        resolve(null);
      });
    });
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  /** Images that have ended. */
  get ended(): number {
    return this.#ended;
  }

  /** Images that have ended, by kind of client. */
  get images(): ReadonlyMap<string, number> {
    return this.#images;
  }

  /** Every accepted job. */
  get entries(): ReadonlyMap<string, Readonly<Entry>> {
    return this.#entries;
  }

  #isBaselineFailure(picture: number, { status }: Observation): boolean {
    return status === 'failed' && 'error' in this.#baseline[picture]!;
  }
}
