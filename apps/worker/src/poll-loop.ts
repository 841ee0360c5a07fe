import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from './log.ts';

/** What becomes due by time alone is seen within this, ms. */
const LOOK_EVERY_MS = 1000;
/** A look under way when it closes has this long, ms: Redis may be away. What it would still bring is left to its leases. */
const LAST_LOOK_MS = 1000;

export interface PollLoopOptions<T> {
  /** What is taken, for the log. */
  what: string;
  /** Takes what is due, at most `room`. */
  take(room: number): Promise<T[]>;
  /** Deals with one; never rejects. */
  carry(thing: T): Promise<void>;
  /** Registers what is called when something may have become due. @returns what undoes it */
  listen(ring: () => void): () => void;
  /** Things in hand at a time. */
  concurrency: number;
  log: Logger;
}

/** Takes what is due whenever a bell rings or time has passed. */
export interface PollLoop {
  /** Takes no more; resolves when what is in hand is dealt with. */
  close(): Promise<void>;
}

export function startPollLoop<T>({ what, take, carry, listen, concurrency, log }: PollLoopOptions<T>): PollLoop {
  const inHand = new Set<Promise<void>>();
  let closing = false;
  let closed = false;
  let bell = Promise.withResolvers<void>();
  const ring = () => bell.resolve();
  const unlisten = listen(ring);

  const launch = (thing: T) => {
    const carried = carry(thing).finally(() => {
      inHand.delete(carried);
      ring();
    });
    inHand.add(carried);
  };

  const run = async () => {
    let failing = false;
    while (!closing) {
      bell = Promise.withResolvers();
      const room = concurrency - inHand.size;
      try {
        const taken = room > 0 ? await take(room) : [];
        if (!closed) taken.forEach(launch);
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: error }, `cannot look for ${what}`);
        failing = true;
        // The bell may ring all the time; what fails is not tried as often.
        bell = Promise.withResolvers();
      }
      const timer = setTimeout(ring, LOOK_EVERY_MS);
      await bell.promise;
      clearTimeout(timer);
    }
  };
  const running = run();

  return {
    async close() {
      closing = true;
      unlisten();
      ring();
      await Promise.race([running, sleep(LAST_LOOK_MS)]);
      closed = true;
      await Promise.all(inHand);
    },
  };
}
