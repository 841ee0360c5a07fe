import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery, WorkQueue } from '@facequeue/queue';
import { subjectOf } from './event.ts';
import { type PostRoom, tryDelivery } from './try.ts';

/** Deliveries to one host at a time, over all workers: one that is slow or dead binds no more than these. */
const PER_HOST = 4;
/** What becomes due by time alone is seen within this, ms. */
const LOOK_EVERY_MS = 1000;
/** A look under way when it closes has this long, ms: Redis may be away. What it would still bring is left to its leases. */
const LAST_LOOK_MS = 1000;

export interface CourierOptions extends PostRoom {
  queue: Pick<WorkQueue, 'takeDeliveries' | 'reportDelivery' | 'onDelivery'>;
  /** Tries in flight at a time. */
  concurrency: number;
  /** How long a delivery is this worker's before another may try it, ms: longer than a try and its report take. */
  leaseMs: number;
}

/** Delivers webhooks that are due. */
export interface Courier {
  /** Takes no more; resolves when those in flight are reported. */
  close(): Promise<void>;
  /** Gives up those in flight: they are tried again, by whoever, when their leases end. */
  abandon(): void;
}

export function startCourier(options: CourierOptions): Courier {
  const { queue, concurrency, leaseMs } = options;
  const abandoned = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let closing = false;
  let closed = false;
  let bell = Promise.withResolvers<void>();
  const ring = () => bell.resolve();
  const unlisten = queue.onDelivery(ring);

  const carry = async (delivery: Delivery) => {
    const { url, attempt } = delivery;
    // A path or query may hold what only the receiver should see.
    const log = options.log.child({ ...subjectOf(delivery).named, attempt, receiver: URL.parse(url)?.host });
    try {
      const outcome = await tryDelivery(options, delivery, abandoned.signal);
      const reported = await queue.reportDelivery(delivery, outcome);
      const told = { status: outcome.status, answered: outcome.attempt.status, error: outcome.attempt.error };
      if (!reported) log.debug(told, 'webhook discarded: erased, or its lease was lost');
      else if (outcome.status === 'delivered') log.debug(told, 'webhook delivered');
      else log.info(told, outcome.status === 'pending' ? 'webhook will be tried again' : 'webhook given up');
    } catch (error) {
      log.warn({ err: error }, 'webhook left to its lease');
    }
  };
  const launch = (delivery: Delivery) => {
    const carried = carry(delivery).finally(() => {
      inFlight.delete(carried);
      ring();
    });
    inFlight.add(carried);
  };

  const run = async () => {
    let failing = false;
    while (!closing) {
      bell = Promise.withResolvers();
      const room = concurrency - inFlight.size;
      try {
        const taken = room > 0 ? await queue.takeDeliveries(room, PER_HOST, leaseMs) : [];
        if (!closed) taken.forEach(launch);
        failing = false;
      } catch (error) {
        if (!failing) options.log.warn({ err: error }, 'cannot look for webhooks');
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
      await Promise.all(inFlight);
    },
    abandon: () => abandoned.abort(new Error('the worker is stopping')),
  };
}
