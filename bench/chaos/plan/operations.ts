/** The operations of the clients, determined by a seed. */
import { integer, pick, type Random, randomFrom } from '../../../test/support/random.ts';

export type Operation =
  /** Waits for the faces within the call. `key`: with an idempotency key. */
  | { kind: 'call'; picture: number; key: boolean }
  /** Submits, and observes the end in one of three ways. */
  | { kind: 'job'; picture: number; learns: 'polls' | 'waits' | 'follows'; source: 'bytes' | 'url'; webhook: boolean }
  | { kind: 'cancel'; picture: number; afterMs: number }
  | { kind: 'erase'; picture: number; ended: boolean }
  /** whole: all items in one request. open: in appends. run: `batchResults`. canceled, erased: while it runs. */
  | { kind: 'batch'; pictures: number[]; how: (typeof BATCH_WAYS)[number] }
  | { kind: 'frames'; pictures: number[]; camera: number };

const BATCH_WAYS = ['whole', 'open', 'run', 'canceled', 'erased'] as const;

/** Number of cameras. Those with an even number keep the latest frame, the others all frames. */
export const CAMERAS = 4;

/** Images of each kind in a hundred. */
const SHARES: Record<Operation['kind'], number> = { call: 30, job: 30, cancel: 6, erase: 5, batch: 23, frames: 6 };
const BATCH_SIZE = [5, 60] as const;
const BURST_SIZE = [2, 8] as const;
/** Longest delay before a job is canceled, ms: some are queued then, some run, some have ended. */
const MAX_CANCEL_DELAY_MS = 300;

export interface OperationPlan {
  /** Number of images in all. */
  jobs: number;
  seed: number;
  /** Number of different pictures. */
  pictures: number;
}

/** Operations with `jobs` images in all, in the order in which they start. */
export function planOperations({ jobs, seed, pictures }: OperationPlan): Operation[] {
  // The numbers differ from those of the faults.
  const random = randomFrom(seed ^ 0x5eed);
  const picture = () => integer(random, 0, pictures - 1);
  const many = (count: number) => Array.from({ length: count }, picture);
  const operations: Operation[] = [];
  for (let remaining = jobs; remaining > 0; ) {
    const operation = makeOperation(kindOf(random), random, picture, many, remaining);
    operations.push(operation);
    remaining -= imagesOf(operation);
  }
  return operations;
}

export function imagesOf(operation: Operation): number {
  return 'pictures' in operation ? operation.pictures.length : 1;
}

/** Draws a kind. Kinds with more images per operation are drawn proportionally less often. */
function kindOf(random: Random): Operation['kind'] {
  const kinds = Object.keys(SHARES) as Operation['kind'][];
  const weights = kinds.map((kind) => SHARES[kind] / meanSize(kind));
  const at = random() * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const [i, kind] of kinds.entries()) {
    sum += weights[i]!;
    if (at < sum) return kind;
  }
  return kinds.at(-1)!;
}

function meanSize(kind: Operation['kind']): number {
  const sizes = kind === 'batch' ? BATCH_SIZE : kind === 'frames' ? BURST_SIZE : ([1, 1] as const);
  return (sizes[0] + sizes[1]) / 2;
}

function makeOperation(
  kind: Operation['kind'],
  random: Random,
  picture: () => number,
  many: (count: number) => number[],
  remaining: number,
): Operation {
  switch (kind) {
    case 'call':
      return { kind, picture: picture(), key: random() < 0.5 };
    case 'job':
      return {
        kind,
        picture: picture(),
        learns: pick(random, ['polls', 'waits', 'follows']),
        source: random() < 0.15 ? 'url' : 'bytes',
        webhook: random() < 0.2,
      };
    case 'cancel':
      return { kind, picture: picture(), afterMs: integer(random, 0, MAX_CANCEL_DELAY_MS) };
    case 'erase':
      return { kind, picture: picture(), ended: random() < 0.5 };
    case 'batch':
      return {
        kind,
        pictures: many(Math.min(remaining, integer(random, ...BATCH_SIZE))),
        how: pick(random, BATCH_WAYS),
      };
    case 'frames':
      return {
        kind,
        pictures: many(Math.min(remaining, integer(random, ...BURST_SIZE))),
        camera: integer(random, 0, CAMERAS - 1),
      };
  }
}
