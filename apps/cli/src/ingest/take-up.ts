import { isFacequeueError } from '@facequeue/schema';
import type { Begun } from './batches-file.ts';
import { outcomeOf } from './outcome.ts';
import { type Run, record } from './run.ts';

/** How often a batch is asked how many images it has by now, ms. */
const LOOK_MS = 2000;
/** What erasing a batch that is left may take, ms. */
const CLEAN_UP_MS = 5000;

/** Has a worker list the images of an S3 prefix, and writes how each ends. */
export async function listAll(run: Run, prefix: string): Promise<void> {
  const { call, client, stop, batches } = run;
  const { id } = await client.createBatch({ s3: { prefix }, options: call.options }, { signal: stop });
  const begun = { service: call.service, batch: id, prefix };
  await batches.add(begun);
  await takeUp(run, begun);
}

/**
 * Writes the results of a batch to its end, and erases it.
 * @returns false when there is no such batch any more
 */
export async function takeUp(run: Run, { batch, prefix }: Begun): Promise<boolean> {
  const { client, stop, display, tally, met } = run;
  const place = tally.expected.push(null) - 1;
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    const { counts, closed_at } = await client.batch(batch, { signal: stop }).finally(() => (looking = false));
    if (closed_at !== null) tally.expected[place] = counts.total;
  };
  const timer = setInterval(() => look().catch(() => {}), LOOK_MS);
  let written = 0;
  try {
    if (prefix === undefined) await client.closeBatch(batch, { signal: stop });
    for await (const line of client.results(batch, { follow: true, signal: stop })) {
      if (!(await record(run, outcomeOf(line)))) continue;
      written += 1;
      met.set(line.id, 'before');
    }
    const { listing } = await client.batch(batch, { signal: stop });
    if (listing?.error) {
      display.say(`${prefix}: ${listing.error.code}: ${listing.error.detail}`);
      tally.failed += 1;
    }
    await client.eraseBatch(batch, { signal: stop });
    return true;
  } catch (error) {
    if (isFacequeueError(error) && (error.code === 'gone' || error.code === 'not_found')) return false;
    // What is left of it would run for nobody; the next run may find it gone.
    if (stop.aborted) await client.eraseBatch(batch, { signal: AbortSignal.timeout(CLEAN_UP_MS) }).catch(() => {});
    throw error;
  } finally {
    clearInterval(timer);
    tally.expected[place] = written;
  }
}
