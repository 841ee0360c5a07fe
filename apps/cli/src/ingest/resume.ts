import { isFacequeueError } from '@facequeue/schema';
import { repeat } from '@facequeue/time';
import type { StartedBatch } from './batches-file.ts';
import { outcomeOf } from './outcome.ts';
import { type Run, record } from './run.ts';

/** How often the number of images of a batch is read, ms. */
const COUNT_EVERY_MS = 2000;
/** Time limit for erasing the batch of an interrupted run, ms. */
const ERASE_MS = 5000;

/** Has a worker list the images of an S3 prefix, and writes how each ends. */
export async function ingestPrefix(run: Run, prefix: string): Promise<void> {
  const { call, client, stop, batches } = run;
  const { id } = await client.createBatch({ s3: { prefix }, options: call.options }, { signal: stop });
  const started = { service: call.service, batch: id, prefix };
  await batches.add(started);
  await resumeBatch(run, started);
}

/**
 * Writes the results of a batch to its end, and erases it.
 * @returns false when the batch no longer exists
 */
export async function resumeBatch(run: Run, { batch, prefix }: StartedBatch): Promise<boolean> {
  const { client, stop, display, stats, seen } = run;
  const place = stats.expected.push(null) - 1;
  const count = async () => {
    const { counts, closed_at } = await client.batch(batch, { signal: stop });
    if (closed_at !== null) stats.expected[place] = counts.total;
  };
  using _counting = repeat(() => count().catch(() => {}), COUNT_EVERY_MS);
  let written = 0;
  try {
    if (prefix === undefined) await client.closeBatch(batch, { signal: stop });
    for await (const line of client.results(batch, { follow: true, signal: stop })) {
      if (!(await record(run, outcomeOf(line)))) continue;
      written += 1;
      seen.set(line.id, 'before');
    }
    const { listing } = await client.batch(batch, { signal: stop });
    if (listing?.error) {
      display.message(`${prefix}: ${listing.error.code}: ${listing.error.detail}`);
      stats.failed += 1;
    }
    await client.eraseBatch(batch, { signal: stop });
    return true;
  } catch (error) {
    if (isFacequeueError(error) && (error.code === 'gone' || error.code === 'not_found')) return false;
    // Nobody would read the rest of the batch. If erasing fails, the next run resumes it.
    if (stop.aborted) await client.eraseBatch(batch, { signal: AbortSignal.timeout(ERASE_MS) }).catch(() => {});
    throw error;
  } finally {
    stats.expected[place] = written;
  }
}
