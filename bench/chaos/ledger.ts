/** What the clients were promised and what they saw, job by job; what does not agree is a problem. */
import type { DetectionResult, JobResource, JobStatus } from '@facequeue/client';

/** How something ended, as far as whoever saw it could tell. */
export interface Sight {
  status: JobStatus;
  finishedAt?: string | null;
  result?: DetectionResult | null;
  error?: string | undefined;
}

interface Entry {
  /** What kind of client it was promised to. */
  kind: string;
  picture: number;
  /** How it may end. */
  may: readonly JobStatus[];
  erased: boolean;
  seen: Sight | null;
  /** Who saw its end, in order. */
  by: string[];
  attempts: number;
}

/** How a picture ends in a calm run: its faces as JSON, or the code of its error. */
export type Calm = { result: string } | { error: string };

export class Ledger {
  readonly problems: string[] = [];
  /** Promised ids that were seen to end more than once, in different ways. */
  endedTwice = 0;
  /** Promised ids that never ended. */
  lost = 0;
  readonly #calm: readonly Calm[];
  readonly #entries = new Map<string, Entry>();
  readonly #images = new Map<string, number>();
  readonly #watchers = new Set<{ since: number; found: (at: number) => void }>();
  #ended = 0;

  /** @param calm by picture */
  constructor(calm: readonly Calm[]) {
    this.#calm = calm;
  }

  /** A client was told that a job of this id is taken. */
  promised(id: string, kind: string, picture: number, may: readonly JobStatus[]): void {
    const known = this.#entries.get(id);
    if (known) {
      if (known.kind !== kind || known.picture !== picture) this.problem(`${id} was given to two callers`);
      return;
    }
    this.#entries.set(id, { kind, picture, may, erased: false, seen: null, by: [], attempts: 0 });
  }

  /** The end of a promised job, as somebody saw it. */
  saw(id: string, by: string, sight: Sight): void {
    const entry = this.#entries.get(id);
    if (!entry) {
      this.problem(`${by} saw ${id}, which was promised to nobody`);
      return;
    }
    entry.by.push(by);
    const before = entry.seen;
    if (!before) {
      if (!entry.may.includes(sight.status) && !this.#isCalmFailure(entry.picture, sight)) {
        this.problem(
          `${id} (${entry.kind}) ${sight.status} (${sight.error ?? ''}), expected ${entry.may.join(' or ')}`,
        );
      }
      this.compare(`${id} (${entry.kind})`, entry.picture, sight);
      entry.seen = sight;
      return;
    }
    const same =
      before.status === sight.status &&
      (!before.finishedAt || !sight.finishedAt || before.finishedAt === sight.finishedAt);
    if (!same) {
      this.endedTwice += 1;
      this.problem(
        `${id} (${entry.kind}) ${sight.status} at ${sight.finishedAt} as ${by} saw it, ${before.status} at ${before.finishedAt} as ${entry.by.slice(0, -1)} did`,
      );
    }
    if (sight.result) this.compare(`${id} (${entry.kind})`, entry.picture, sight);
    entry.seen = { ...before, finishedAt: before.finishedAt ?? sight.finishedAt ?? null };
  }

  sawJob(by: string, job: JobResource): void {
    const entry = this.#entries.get(job.id);
    if (entry) entry.attempts = Math.max(entry.attempts, job.attempts);
    this.saw(job.id, by, {
      status: job.status,
      finishedAt: job.finished_at,
      result: job.result,
      error: job.error?.code,
    });
  }

  /** What succeeded has the faces of the calm run; what failed, its error. */
  compare(what: string, picture: number, { status, result, error }: Sight): void {
    const calm = this.#calm[picture]!;
    if (status === 'succeeded' && result !== undefined) {
      if (!('result' in calm) || JSON.stringify(result) !== calm.result)
        this.problem(`${what}: other faces than in the calm run`);
    } else if (status === 'failed' && !('error' in calm && calm.error === error)) {
      this.problem(`${what} failed with ${error}`);
    }
  }

  erased(id: string): void {
    this.#entries.get(id)!.erased = true;
  }

  /** Images of a kind have ended for the client that began at `began`. */
  done(kind: string, images: number, began: number): void {
    this.#ended += images;
    this.#images.set(kind, (this.#images.get(kind) ?? 0) + images);
    for (const watcher of this.#watchers) {
      if (began < watcher.since) continue;
      this.#watchers.delete(watcher);
      watcher.found(performance.now());
    }
  }

  /** When the first image ended that a client had begun with after `since`; null when none did before `until` resolves. */
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

  /** Images that have ended, by the kind of client. */
  get images(): ReadonlyMap<string, number> {
    return this.#images;
  }

  /** Every promised job. */
  get entries(): ReadonlyMap<string, Readonly<Entry>> {
    return this.#entries;
  }

  #isCalmFailure(picture: number, { status }: Sight): boolean {
    return status === 'failed' && 'error' in this.#calm[picture]!;
  }
}
