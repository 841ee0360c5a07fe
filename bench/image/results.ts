/** The figures of a run, and comparisons within its rounds. */
import { median } from '../support/statistics.ts';
import type { Form } from './forms.ts';
import type { Figures } from './measure.ts';
import type { PictureName } from './pictures.ts';

/** What was measured in one row: by which subject, of what, with how many callers. */
export interface RowKey {
  subject: string;
  picture: PictureName;
  form: Form;
  /** Null where a subject has one image in progress a process. */
  callers: number | null;
}

export interface Row extends RowKey {
  /** As in tables. */
  title: string;
  /** One for each round, in the sequence in which they ran. */
  rounds: Figures[];
}

/** The median of each figure over the rounds. */
export function medianOf(rounds: readonly Figures[]): Figures {
  const of = (value: (figures: Figures) => number) => median(rounds.map(value));
  const each = (name: 'cpu' | 'minor' | 'full' | 'resident') =>
    Object.fromEntries(
      Object.keys(rounds[0]?.[name] ?? {}).map((role) => [role, of((figures) => figures[name][role]!)]),
    );
  return {
    images: of(({ images }) => images),
    rate: of(({ rate }) => rate),
    p50: of(({ p50 }) => p50),
    p95: of(({ p95 }) => p95),
    p99: of(({ p99 }) => p99),
    cpu: each('cpu'),
    minor: each('minor'),
    full: each('full'),
    resident: each('resident'),
    machine: { others: of(({ machine }) => machine.others), steal: of(({ machine }) => machine.steal) },
  };
}

/** CPU-ms per image of all processes of a subject; that of the callers is not its own. */
export function ownCpu({ cpu }: Figures): number {
  return Object.entries(cpu).reduce((sum, [role, ms]) => (role === 'caller' ? sum : sum + ms), 0);
}

/** The median over the rounds of what two rows have in each: what slows the machine down in a round slows both. */
export function compared(a: Row, b: Row, value: (a: Figures, b: Figures) => number): number {
  return median(a.rounds.map((figures, round) => value(figures, b.rounds[round]!)));
}

/** Images per second of one row as a share of another's. */
export const rateRatio = (a: Row, b: Row) => compared(a, b, (one, other) => one.rate / other.rate);

/** CPU time per image of another row as a share of this one's: the ratio of their throughput, as it would be on a quiet machine with full cores. */
export const cpuRatio = (a: Row, b: Row) => compared(a, b, (one, other) => ownCpu(other) / ownCpu(one));
