/** Which image is fetched next. Pure: `FetchPool` keeps the state. */
import { nextPriorityClass, type PriorityClass } from '../engines/priority.ts';

/** An image on its way. */
export interface Fetch {
  /** Whose turns and shares the job counts in. */
  readonly flow: string;
  readonly priority: PriorityClass;
  /** `fetched` until an engine has the image. */
  readonly state: 'resolving' | 'waiting' | 'fetching' | 'fetched';
  /** Name of the image host, or its bucket. */
  readonly host: string;
  /** An address of the host; '' for a bucket, and before the look-up. */
  readonly address: string;
  /** Whether its fetch has begun only just now. */
  readonly fresh: boolean;
  /** Those of the image that have arrived. */
  readonly bytes: number;
}

export interface FetchLimits {
  /** Fetches at a time. */
  concurrency: number;
  perHost: number;
  /** Of those, for one flow: the others are left for other flows of images on the same host. */
  perHostOfFlow: number;
  /** For all names that resolve to one address. */
  perAddress: number;
  perAddressOfFlow: number;
  perFlow: number;
  /** Images of a class that may wait for an engine before more are fetched. */
  fetched: number;
  /** Fetches that may have begun only just now: what an engine can use soon, and not the whole queue. */
  fresh: number;
  /** Memory for images on their way to an engine, bytes. */
  bytes: number;
  /** A flow whose images have so much of it begins no more fetches: that leaves room for others. */
  bytesPerFlow: number;
}

/** Bytes in memory: of all images, and of those that are fetched. */
interface Memory {
  all: number;
  fetched: number;
}

/** How many fetches there are, of each kind that has a limit, and the memory that images take. */
export class FetchCounts {
  #fetching = 0;
  #fresh = 0;
  readonly #fetched: Record<PriorityClass, number> = { interactive: 0, others: 0 };
  readonly #hosts = new Map<string, number>();
  readonly #addresses = new Map<string, number>();
  readonly #hostsOfFlows = new Map<string, number>();
  readonly #addressesOfFlows = new Map<string, number>();
  readonly #flows = new Map<string, number>();
  readonly #memory: Memory = { all: 0, fetched: 0 };
  readonly #memoryOfFlows = new Map<string, Memory>();

  constructor(fetches: Iterable<Fetch>) {
    for (const fetch of fetches) {
      if (fetch.state === 'fetched') this.#fetched[fetch.priority]++;
      if (fetch.state === 'fetching') this.add(fetch);
      for (const memory of [this.#memory, this.#memoryOf(fetch.flow)]) {
        memory.all += fetch.bytes;
        if (fetch.state === 'fetched') memory.fetched += fetch.bytes;
      }
    }
  }

  /** Counts one more as being fetched. */
  add({ host, address, flow, fresh }: Fetch): void {
    this.#fetching++;
    if (fresh) this.#fresh++;
    increment(this.#hosts, host);
    increment(this.#addresses, address);
    increment(this.#hostsOfFlows, ofFlow(flow, host));
    increment(this.#addressesOfFlows, ofFlow(flow, address));
    increment(this.#flows, flow);
  }

  ofFlow(flow: string): number {
    return this.#flows.get(flow) ?? 0;
  }

  bytesOfFlow(flow: string): number {
    return this.#memoryOf(flow).all;
  }

  /**
   * What keeps a waiting image from being fetched now: `fetches` that are slow, so that its job is not to occupy its worker meanwhile;
   * or the `engines`, which are busy, so that its worker should take no more jobs.
   * @returns null when nothing does
   */
  obstacle(fetch: Fetch, limits: FetchLimits): 'fetches' | 'engines' | null {
    const memory = this.#memoryObstacle(fetch.flow, limits);
    if (
      memory === 'fetches' ||
      this.#fetching >= limits.concurrency ||
      this.#atLimitOfHost(fetch, limits) ||
      (fetch.address !== '' && this.#atLimitOfAddress(fetch, limits)) ||
      this.ofFlow(fetch.flow) >= limits.perFlow
    )
      return 'fetches';
    return memory === 'engines' || this.#fetched[fetch.priority] >= limits.fetched || this.#fresh >= limits.fresh
      ? 'engines'
      : null;
  }

  #atLimitOfHost({ host, flow }: Fetch, { perHost, perHostOfFlow }: FetchLimits): boolean {
    const own = this.#hostsOfFlows.get(ofFlow(flow, host)) ?? 0;
    return own >= perHostOfFlow || (this.#hosts.get(host) ?? 0) >= perHost;
  }

  #atLimitOfAddress({ address, flow }: Fetch, { perAddress, perAddressOfFlow }: FetchLimits): boolean {
    const own = this.#addressesOfFlows.get(ofFlow(flow, address)) ?? 0;
    return own >= perAddressOfFlow || (this.#addresses.get(address) ?? 0) >= perAddress;
  }

  /** Whether the memory is spent on fetches, which may be slow, or on images that wait for an engine. */
  #memoryObstacle(flow: string, { bytes, bytesPerFlow }: FetchLimits): 'fetches' | 'engines' | null {
    const own = this.#memoryOf(flow);
    const [memory, limit] = own.all >= bytesPerFlow ? [own, bytesPerFlow] : [this.#memory, bytes];
    if (memory.all < limit) return null;
    return memory.fetched >= limit ? 'engines' : 'fetches';
  }

  #memoryOf(flow: string): Memory {
    const memory = this.#memoryOfFlows.get(flow) ?? { all: 0, fetched: 0 };
    this.#memoryOfFlows.set(flow, memory);
    return memory;
  }
}

/**
 * The waiting image that is fetched next: of the class whose turn it is, of the flow with the fewest fetches, the one that has waited
 * longest.
 * @param waiting in the sequence in which they came
 * @param passedOver fetches begun for `interactive` since the last one for `others`
 * @returns null when none may be fetched now
 */
export function nextFetch<F extends Fetch>(
  waiting: readonly F[],
  counts: FetchCounts,
  limits: FetchLimits,
  passedOver: number,
): F | null {
  const ready = waiting.filter((fetch) => counts.obstacle(fetch, limits) === null);
  const queued = { interactive: 0, others: 0 };
  for (const { priority } of ready) queued[priority]++;
  const priority = nextPriorityClass(queued, passedOver);
  let next: F | null = null;
  for (const fetch of ready) {
    if (fetch.priority !== priority) continue;
    if (!next || counts.ofFlow(fetch.flow) < counts.ofFlow(next.flow)) next = fetch;
  }
  return next;
}

/**
 * The look-up that begins next: of the flow with the fewest in progress, the image that has waited longest.
 * @param unresolved images whose names are to be looked up, in the sequence in which they came
 * @param inProgress flows of the look-ups in progress
 * @returns null when none may begin now
 */
export function nextLookup<F extends Pick<Fetch, 'flow'>>(
  unresolved: readonly F[],
  inProgress: readonly string[],
  limits: { lookups: number; perFlow: number },
): F | null {
  if (inProgress.length >= limits.lookups) return null;
  const counts = new Map<string, number>();
  for (const flow of inProgress) increment(counts, flow);
  let next: F | null = null;
  let fewest = limits.perFlow;
  for (const image of unresolved) {
    const count = counts.get(image.flow) ?? 0;
    if (count < fewest) [next, fewest] = [image, count];
  }
  return next;
}

/** What one flow has of a host or an address. */
const ofFlow = (flow: string, place: string) => `${flow}\n${place}`;

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
