import type { Place } from '@facequeue/queue';
import { FacequeueError, type QueueName } from '@facequeue/schema';
import type { ImageSource } from '@facequeue/source';
import { linkedAbort, startTimer, type Timer } from '@facequeue/time';
import type { PriorityClass } from '../engines/priority.ts';
import { QUEUE_POLICIES } from '../images/queues.ts';
import { type Fetch, FetchCounts, type FetchLimits, nextFetch, nextLookup } from './selection.ts';

/** A fetch that takes longer counts as slow, and no longer keeps others from beginning, ms. */
const FRESH_MS = 250;
/** At least so many fetches may be fresh, so that many slow hosts are recognized at the same time. */
const LEAST_FRESH = 16;
/** What one host gets at least, fetches at a time; a browser opens six connections to one. */
const LEAST_PER_HOST = 4;
/** Look-ups at a time: each has a socket. */
const LOOKUPS = 256;
/** Jobs that one worker keeps because of slow hosts: each has a lock to renew. */
const MOST_JOBS = 1024;
/** A change of so many jobs that are away is reported at once: it changes the estimated waits of callers. */
const AWAY_CHANGE = 8;
/** What one flow or one host may have of `MOST_JOBS`, and one flow of the look-ups and fetches: an eighth is left for others. */
const SHARE = 7 / 8;
/** Of the memory, for one flow. */
const MEMORY_SHARE = 1 / 4;

/** The worker has as many jobs of slow hosts as it may, or is stopping: this one goes back to its queue. */
export class FetchPoolFull extends Error {
  override readonly name = 'FetchPoolFull';
}

const stopping = () => new FetchPoolFull('the worker is stopping');

const tooLarge = (maxBytes: number) =>
  new FacequeueError('body_too_large', `the image is larger than ${maxBytes} bytes`);

/** Why a fetch is interrupted that begins again later. */
class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
}

export interface FetchPoolOptions {
  source: Pick<ImageSource, 'hostOf' | 'addressOf' | 'fetch'>;
  /** Engines of the worker. */
  engines: number;
  /** Fetches at a time. */
  concurrency: number;
  /** Memory for images on their way to an engine, bytes. */
  maxBytes: number;
  /** Called when many jobs have left their places, or are back. */
  onAwayChange: () => void;
}

export interface FetchRequest {
  url: string;
  /** Whose turns and shares the job counts in. */
  flow: string;
  /** Of the job. */
  queue: QueueName;
  /** Largest image that its caller may have fetched, bytes; null when only the limit of the service holds. */
  maxBytes: number | null;
}

/** An image in memory. Dispose it when an engine has it. */
export interface FetchedImage extends Disposable {
  bytes: Uint8Array;
}

/** Images on their way by their state, for metrics. */
export interface FetchPoolStatus {
  resolving: number;
  waiting: number;
  fetching: number;
  fetched: number;
  /** Held by images that are arriving or wait for an engine. */
  bytes: number;
}

class Entry implements Fetch {
  readonly url: string;
  readonly flow: string;
  readonly queue: QueueName;
  readonly maxBytes: number | null;
  readonly host: string;
  readonly place: Place;
  readonly signal: AbortSignal;
  readonly onFetch: () => void;
  readonly done = Promise.withResolvers<Uint8Array>();
  state: Fetch['state'] = 'resolving';
  address = '';
  /** Whether its look-up has begun. */
  isLookedUp = false;
  /** Whether its job has left its place. */
  isAway = false;
  /** When its fetch began, ms of `performance.now`. */
  beganAt = 0;
  bytes = 0;
  /** Ends the fetch in progress. */
  interrupt: (reason: unknown) => void = () => {};

  constructor(
    { url, flow, queue, maxBytes }: FetchRequest,
    host: string,
    place: Place,
    signal: AbortSignal,
    onFetch: () => void,
  ) {
    this.url = url;
    this.flow = flow;
    this.queue = queue;
    this.maxBytes = maxBytes;
    this.host = host;
    this.place = place;
    this.signal = signal;
    this.onFetch = onFetch;
  }

  get priority(): PriorityClass {
    return QUEUE_POLICIES[this.queue].priority;
  }

  get fresh(): boolean {
    return this.state === 'fetching' && performance.now() - this.beganAt < FRESH_MS;
  }
}

/**
 * Fetches the images of a worker's jobs, apart from its engines: a slow host delays its own jobs only. Fetches are limited in all, for
 * each host, address and flow, and in memory. While an image is looked up, fetched, or waits for one of these limits, its job gives up
 * its place among the active jobs of its worker, which takes another one.
 */
export class FetchPool {
  readonly #source: FetchPoolOptions['source'];
  readonly #limits: FetchLimits;
  readonly #onAwayChange: () => void;
  #reportedAway = 0;
  readonly #entries = new Set<Entry>();
  #bytes = 0;
  /** Those whose look-up is in progress; it goes on when its job has ended. */
  readonly #lookups = new Set<Entry>();
  #passedOver = 0;
  #timer: Timer | null = null;
  #draining = false;

  constructor({ source, engines, concurrency, maxBytes, onAwayChange }: FetchPoolOptions) {
    this.#source = source;
    this.#onAwayChange = onAwayChange;
    // One image inside an engine and the next one ready, as for jobs with the image in them.
    const fetched = 2 * engines;
    const perHost = Math.max(LEAST_PER_HOST, fetched);
    // One flow alone has what keeps the engines busy; the eighth for others comes on top of it.
    const withReserve = (count: number) => count + Math.ceil(count * (1 - SHARE));
    this.#limits = {
      concurrency,
      perHost: withReserve(perHost),
      perHostOfFlow: perHost,
      perAddress: withReserve(2 * perHost),
      perAddressOfFlow: 2 * perHost,
      perFlow: Math.max(1, Math.floor(concurrency * SHARE)),
      fetched,
      fresh: Math.max(LEAST_FRESH, fetched),
      bytes: maxBytes,
      bytesPerFlow: maxBytes * MEMORY_SHARE,
    };
  }

  /**
   * @param place of the job that needs the image, among the active jobs of its worker
   * @param signal aborts the fetch; the promise then rejects with its reason
   * @param onFetch is called when the fetch begins, and again each time it has to begin again
   * @throws FetchPoolFull, and what `ImageSource.fetch` throws
   */
  async fetch(request: FetchRequest, place: Place, signal: AbortSignal, onFetch = () => {}): Promise<FetchedImage> {
    signal.throwIfAborted();
    if (this.#draining) throw stopping();
    const entry = new Entry(request, this.#source.hostOf(request.url), place, signal, onFetch);
    this.#refuseBeyondShare(entry);
    this.#entries.add(entry);
    const abort = () => entry.done.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#update();
    try {
      const bytes = await entry.done.promise;
      return { bytes, [Symbol.dispose]: () => this.#remove(entry) };
    } catch (error) {
      this.#remove(entry);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  status(): FetchPoolStatus {
    const status = { resolving: 0, waiting: 0, fetching: 0, fetched: 0, bytes: this.#bytes };
    for (const { state } of this.#entries) status[state]++;
    return status;
  }

  /** Jobs of each queue that have left their places. */
  away(): Partial<Record<QueueName, number>> {
    const away: Partial<Record<QueueName, number>> = {};
    for (const { queue, isAway } of this.#entries) if (isAway) away[queue] = (away[queue] ?? 0) + 1;
    return away;
  }

  #refuseBeyondShare({ flow, host }: Entry): void {
    let [ofFlow, ofHost] = [0, 0];
    for (const entry of this.#entries) {
      if (entry.flow === flow) ofFlow++;
      if (entry.host === host) ofHost++;
    }
    const share = MOST_JOBS * SHARE;
    if (this.#entries.size >= MOST_JOBS || ofFlow >= share || ofHost >= share)
      throw new FetchPoolFull('too many images of slow hosts are waiting');
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    entry.place.rejoin();
    this.#forgetBytes(entry);
    this.#update();
  }

  #forgetBytes(entry: Entry): void {
    this.#bytes -= entry.bytes;
    entry.bytes = 0;
  }

  /** Begins what may begin, and gives up or takes back the places of the jobs. */
  #update(): void {
    this.#beginLookups();
    const counts = new FetchCounts(this.#entries);
    let waiting = this.#waiting();
    while (!this.#draining) {
      const next = nextFetch(waiting, counts, this.#limits, this.#passedOver);
      if (!next) break;
      this.#passedOver = next.priority === 'others' ? 0 : this.#passedOver + 1;
      void this.#begin(next);
      counts.add(next);
      waiting = this.#waiting();
    }
    let away = 0;
    for (const entry of this.#entries) {
      entry.isAway =
        entry.state === 'waiting' ? counts.obstacle(entry, this.#limits) === 'fetches' : entry.state !== 'fetched';
      if (entry.isAway) entry.place.leave();
      else entry.place.rejoin();
      if (entry.isAway) away++;
    }
    if (Math.abs(away - this.#reportedAway) >= AWAY_CHANGE) {
      this.#reportedAway = away;
      this.#onAwayChange();
    }
    if (waiting.length > 0) this.#updateLater();
  }

  /** Begins the look-ups that may begin. */
  #beginLookups(): void {
    const resolving = [...this.#entries].filter(({ state }) => state === 'resolving');
    const limits = { lookups: LOOKUPS, perFlow: LOOKUPS * SHARE };
    for (;;) {
      const unresolved = resolving.filter(({ isLookedUp }) => !isLookedUp);
      const next = nextLookup(
        unresolved,
        [...this.#lookups].map(({ flow }) => flow),
        limits,
      );
      if (!next) return;
      void this.#resolve(next);
    }
  }

  /** Fetches that are fresh now will be slow by then. */
  #updateLater(): void {
    this.#timer ??= startTimer(FRESH_MS, () => {
      this.#timer = null;
      this.#update();
    });
  }

  #waiting(): Entry[] {
    return [...this.#entries].filter(({ state }) => state === 'waiting');
  }

  async #resolve(entry: Entry): Promise<void> {
    entry.isLookedUp = true;
    this.#lookups.add(entry);
    try {
      entry.address = await this.#source.addressOf(entry.url);
      entry.state = 'waiting';
    } catch (error) {
      entry.done.reject(error);
    }
    this.#lookups.delete(entry);
    this.#update();
  }

  async #begin(entry: Entry): Promise<void> {
    entry.state = 'fetching';
    entry.beganAt = performance.now();
    entry.onFetch();
    using fetching = linkedAbort(entry.signal);
    entry.interrupt = fetching.abort;
    try {
      const bytes = await this.#source.fetch(entry.url, fetching.signal, (count) => this.#arrived(entry, count));
      entry.state = 'fetched';
      entry.done.resolve(bytes);
    } catch (error) {
      this.#forgetBytes(entry);
      if (error instanceof OutOfMemory) entry.state = 'waiting';
      else entry.done.reject(error);
    }
    this.#update();
  }

  /**
   * When memory is short, interrupts the fetch that began last of the flow whose images have most of it; it begins again later. The
   * only fetch goes on in any case.
   */
  #arrived(entry: Entry, count: number): void {
    if (!this.#entries.has(entry)) return;
    entry.bytes += count;
    this.#bytes += count;
    if (entry.maxBytes !== null && entry.bytes > entry.maxBytes) entry.interrupt(tooLarge(entry.maxBytes));
    if (this.#bytes <= this.#limits.bytes) return;
    const fetching = [...this.#entries].filter(({ state }) => state === 'fetching');
    if (fetching.length <= 1) return;
    const counts = new FetchCounts(this.#entries);
    const flowsBytes = ({ flow }: Entry) => counts.bytesOfFlow(flow);
    const [last] = fetching.toSorted((a, b) => flowsBytes(b) - flowsBytes(a) || b.beganAt - a.beganAt);
    last!.interrupt(new OutOfMemory('memory for images on their way is short'));
  }

  /** Begins no more: images that are not on their way yet reject with FetchPoolFull. */
  drain(): void {
    this.#draining = true;
    for (const { state, done } of this.#entries)
      if (state === 'resolving' || state === 'waiting') done.reject(stopping());
  }

  /** Ends its timer. */
  close(): void {
    this.#timer?.clear();
  }
}
