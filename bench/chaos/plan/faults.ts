/** The faults of a run and their times, determined by a seed. */
import { between, integer, type Random, randomFrom, shuffled } from '../../../test/support/random.ts';

/** Number of gateways, and of workers: while one is down, the other works. */
export const PLACES = 2;

/**
 * kill: SIGKILL, and a replacement at once. freeze: SIGSTOP, and SIGCONT after a while. restart: SIGTERM, and a replacement at once, as
 * in a rolling update. cut: every open connection is reset. delay: data arrives late. hole (black hole): no data arrives for a while.
 * full: Redis has no memory left. A killed Redis restarts with its append-only file.
 */
export const FAULT_KINDS = [
  'kill engine',
  'kill worker',
  'kill gateway',
  'kill redis',
  'freeze engine',
  'freeze worker',
  'freeze gateway',
  'freeze redis',
  'cut gateway-redis',
  'cut worker-redis',
  'cut client-gateway',
  'delay gateway-redis',
  'delay worker-redis',
  'delay client-gateway',
  'hole gateway-redis',
  'hole worker-redis',
  'hole client-gateway',
  'full redis',
  'restart gateway',
  'restart worker',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** @throws with the list of kinds */
export function faultKind(text: string): FaultKind {
  const kind = FAULT_KINDS.find((one) => one === text.trim());
  if (!kind) throw new Error(`'${text}' is not a kind of fault; expected some of: ${FAULT_KINDS.join(', ')}`);
  return kind;
}

export interface Fault {
  kind: FaultKind;
  /** Which of the two gateways or workers, 0 or 1. */
  place: number;
  /** When it starts: the share of all images that have ended by then, 0..1. */
  at: number;
  /** How long it lasts, ms; for a killed Redis, how long it stays away. 0 for an instantaneous fault. */
  ms: number;
  /** How late data arrives during a delay, ms. */
  lateMs: number;
  /** Whether data sent into a black hole is lost, or arrives when it ends. */
  loses: boolean;
}

/** Bounds of how long a fault lasts, ms. */
const SHORTEST_MS = 1000;
const LONGEST_AWAY_MS = 2000;
const LONGEST_FULL_MS = 5000;
const LEAST_LATE_MS = 20;
const MOST_LATE_MS = 500;
/** No fault starts before or after these shares of the run: it starts undisturbed, and has time to recover at its end. */
const FIRST_AT = 0.02;
const LAST_AT = 0.95;

export interface FaultPlan {
  faults: number;
  seed: number;
  /** Longest duration of a fault, ms; at least a second. */
  longestMs: number;
  /** Only these kinds; all by default. */
  kinds?: readonly FaultKind[];
}

/** Plans faults evenly spread over the run, in order. Every kind comes once before any comes twice, and so on. */
export function planFaults({ faults, seed, longestMs, kinds = FAULT_KINDS }: FaultPlan): Fault[] {
  const random = randomFrom(seed);
  const planned: FaultKind[] = [];
  while (planned.length < faults) planned.push(...shuffled(random, kinds));
  return planned.slice(0, faults).map((kind, i) => ({
    kind,
    place: integer(random, 0, PLACES - 1),
    at: FIRST_AT + ((LAST_AT - FIRST_AT) * (i + random())) / faults,
    ms: duration(kind, random, longestMs),
    lateMs: Math.round(between(random, LEAST_LATE_MS, MOST_LATE_MS)),
    loses: random() < 0.5,
  }));
}

function duration(kind: FaultKind, random: Random, longestMs: number): number {
  const upTo = (most: number, least = SHORTEST_MS) => Math.round(between(random, least, Math.min(most, longestMs)));
  if (kind === 'kill redis') return upTo(LONGEST_AWAY_MS, 0);
  if (kind === 'full redis') return upTo(LONGEST_FULL_MS);
  return /^(freeze|delay|hole)/.test(kind) ? upTo(longestMs) : 0;
}

/** The victim of a fault. A victim has one fault at a time. */
export function victimOf({ kind, place }: Pick<Fault, 'kind' | 'place'>): string {
  const [, what = ''] = kind.split(' ');
  return what === 'redis' || what === 'client-gateway' ? what : `${what} ${place + 1}`;
}
