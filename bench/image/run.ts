/** Starts subjects and measures them in turns. */
import { type Case, callersOf } from './cases.ts';
import { measure } from './measure.ts';
import type { Picture } from './pictures.ts';
import type { Row } from './results.ts';
import { difference } from './same-faces.ts';
import type { Subject } from './subject.ts';
import { type SubjectName, type SubjectOptions, startSubject } from './subjects.ts';

export interface Schedule {
  callers: readonly number[];
  rounds: number;
  /** Duration of a measurement, ms. */
  ms: number;
}

/** What was not measured, and why. */
export interface Omission {
  subject: string;
  what: string;
}

/** The share of a measurement that is run before the first round: code is compiled, memory and connections are there. */
const WARM_SHARE = 0.5;

export class Run implements AsyncDisposable {
  readonly rows: Row[] = [];
  readonly omitted: Omission[] = [];
  readonly #subjects = new Map<SubjectName, Subject>();

  private constructor() {}

  /** Starts the subjects one after the other. One that cannot be installed or started here is left out. */
  static async start(names: readonly SubjectName[], options: SubjectOptions): Promise<Run> {
    const run = new Run();
    for (const name of names) {
      try {
        run.#subjects.set(name, await startSubject(name, options));
      } catch (error) {
        run.#leaveOut(name, `cannot be started: ${firstLine(error)}`);
      }
    }
    return run;
  }

  /** Measures a case with every subject that finds its faces: a round measures each, and then comes the next round. */
  async measure(one: Case, picture: Picture, { callers, rounds, ms }: Schedule): Promise<Row[]> {
    const rows: { row: Row; subject: Subject }[] = [];
    for (const [name, subject] of this.#subjects) {
      if (!subject.forms.includes(one.form) || !(await this.#isRight(name, subject, picture))) continue;
      for (const count of subject.callers ? callersOf(one, callers) : [null]) {
        const { form } = one;
        rows.push({
          row: { subject: name, title: subject.title, picture: picture.name, form, callers: count, rounds: [] },
          subject,
        });
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const { row, subject } of [...rows]) {
        const load = { picture, form: one.form, callers: row.callers ?? 1, ms };
        try {
          if (round === 0) await subject.run({ ...load, ms: ms * WARM_SHARE });
          row.rounds.push(await measure(subject, load));
        } catch (error) {
          this.#leaveOut(row.title, `failed at ${one.name}: ${firstLine(error)}`);
          rows.splice(
            rows.findIndex((other) => other.row === row),
            1,
          );
        }
      }
    }
    const measured = rows.map(({ row }) => row);
    this.rows.push(...measured);
    return measured;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subject of this.#subjects.values()) await subject[Symbol.asyncDispose]();
  }

  /** Whether a subject finds the picture's faces. One that does not is left out: it would be timed doing something else. */
  async #isRight(name: SubjectName, subject: Subject, picture: Picture): Promise<boolean> {
    const wrong = await subject.detect(picture).then(
      (found) => difference(found, picture.faces),
      (error: unknown) => `fails: ${firstLine(error)}`,
    );
    if (wrong !== null) this.#leaveOut(name, `${wrong} in ${picture.name}`);
    return wrong === null;
  }

  #leaveOut(subject: string, what: string): void {
    this.omitted.push({ subject, what });
  }
}

const firstLine = (error: unknown) => String(error instanceof Error ? error.message : error).split('\n', 1)[0]!;
