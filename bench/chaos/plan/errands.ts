/** What the clients do: decided by a seed alone. */
import { pick, type Random, randomFrom, whole } from './random.ts';

export type Errand =
  /** Waits for the faces within the call. `key`: with an idempotency key. */
  | { kind: 'call'; picture: number; key: boolean }
  /** Submits, and learns the end in one of three ways. */
  | { kind: 'job'; picture: number; learns: 'polls' | 'waits' | 'follows'; source: 'bytes' | 'url'; webhook: boolean }
  | { kind: 'cancel'; picture: number; afterMs: number }
  | { kind: 'erase'; picture: number; ended: boolean }
  /** whole: all items in one request. open: in appends. run: `batchResults`. canceled, erased: in the middle of it. */
  | { kind: 'batch'; pictures: number[]; how: (typeof BATCH_WAYS)[number] }
  | { kind: 'frames'; pictures: number[]; camera: number };

const BATCH_WAYS = ['whole', 'open', 'run', 'canceled', 'erased'] as const;

/** Cameras; those with an even number keep the latest frame, the others all. */
export const CAMERAS = 4;

/** Images of each kind, of a hundred. */
const SHARES: Record<Errand['kind'], number> = { call: 30, job: 30, cancel: 6, erase: 5, batch: 23, frames: 6 };
const BATCH_SIZE = [5, 60] as const;
const BURST_SIZE = [2, 8] as const;
/** The longest before a job is canceled, ms: some then wait, some run, some have ended. */
const CANCEL_WITHIN_MS = 300;

export interface ErrandPlan {
  /** Images in all. */
  jobs: number;
  seed: number;
  /** Pictures there are. */
  pictures: number;
}

/** Errands with so many images in all, in the order in which they are begun. */
export function planErrands({ jobs, seed, pictures }: ErrandPlan): Errand[] {
  // Not the numbers that faults are drawn from.
  const random = randomFrom(seed ^ 0x5eed);
  const picture = () => whole(random, 0, pictures - 1);
  const many = (count: number) => Array.from({ length: count }, picture);
  const errands: Errand[] = [];
  for (let left = jobs; left > 0; ) {
    const errand = makeErrand(kindOf(random), random, picture, many, left);
    errands.push(errand);
    left -= imagesOf(errand);
  }
  return errands;
}

export function imagesOf(errand: Errand): number {
  return 'pictures' in errand ? errand.pictures.length : 1;
}

/** Errands with many images are drawn as much less often as they have more. */
function kindOf(random: Random): Errand['kind'] {
  const kinds = Object.keys(SHARES) as Errand['kind'][];
  const weights = kinds.map((kind) => SHARES[kind] / meanSize(kind));
  const at = random() * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const [i, kind] of kinds.entries()) {
    sum += weights[i]!;
    if (at < sum) return kind;
  }
  return kinds.at(-1)!;
}

function meanSize(kind: Errand['kind']): number {
  const sizes = kind === 'batch' ? BATCH_SIZE : kind === 'frames' ? BURST_SIZE : ([1, 1] as const);
  return (sizes[0] + sizes[1]) / 2;
}

function makeErrand(
  kind: Errand['kind'],
  random: Random,
  picture: () => number,
  many: (count: number) => number[],
  left: number,
): Errand {
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
      return { kind, picture: picture(), afterMs: whole(random, 0, CANCEL_WITHIN_MS) };
    case 'erase':
      return { kind, picture: picture(), ended: random() < 0.5 };
    case 'batch':
      return { kind, pictures: many(Math.min(left, whole(random, ...BATCH_SIZE))), how: pick(random, BATCH_WAYS) };
    case 'frames':
      return {
        kind,
        pictures: many(Math.min(left, whole(random, ...BURST_SIZE))),
        camera: whole(random, 0, CAMERAS - 1),
      };
  }
}
