import type { BatchResource, ItemLine } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { Deadline, sleep } from '@facequeue/time';
import { createRetryPolicy, retryDelay } from '../retry.ts';
import { SILENCE_MS, silent } from '../streamed-events.ts';
import type { Transport } from '../transport.ts';
import { createLineSplitter } from './lines.ts';

/** The calls that reading results needs. */
export interface ResultsSource {
  open: Transport['open'];
  /** The batch as it is now. */
  batch(signal: AbortSignal | undefined): Promise<BatchResource>;
  /** Path of the results, without query. */
  path: string;
}

/**
 * The results of a batch in the order in which its items ended: those so far, or with `follow` all until the batch ends. When a
 * stream breaks, ends early or goes silent, another one continues after the last line.
 * @param after a cursor; '' for the beginning
 * @throws the error with which the service refuses the call; `unavailable` when it stays unavailable; the signal's reason
 */
export async function* readResults(
  { open, batch, path }: ResultsSource,
  after: string,
  follow: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<ItemLine, void> {
  const retries = createRetryPolicy();
  let cursor = after;
  /**
   * Whether a stream that ends now has delivered everything. A followed stream may end early, so it has only when the batch was
   * known to be complete before the stream began.
   */
  let complete = !follow;
  /** Streams in a row that delivered nothing. */
  let emptyStreams = 0;
  for (;;) {
    let received = false;
    const deadline = new Deadline({ ms: SILENCE_MS, onTimeout: silent, parent: signal });
    try {
      const query = new URLSearchParams({ ...(cursor && { after: cursor }), ...(follow && { follow: 'true' }) });
      const body = await connect(open, query.size ? `${path}?${query}` : path, deadline.signal);
      for await (const line of linesOf(body, deadline)) {
        retries.succeeded();
        received = true;
        // A blank line is a sign of life.
        if (line.trim() === '') continue;
        const item = parsed(line);
        cursor = item.cursor;
        yield item;
      }
      if (complete) return;
      deadline.restart();
      complete = isComplete(await batch(deadline.signal));
      retries.succeeded();
    } catch (error) {
      deadline.dispose();
      await retries.failed(error, signal);
      continue;
    } finally {
      deadline.dispose();
    }
    emptyStreams = received || complete ? 0 : emptyStreams + 1;
    if (emptyStreams) await sleep(retryDelay(emptyStreams)!, signal);
  }
}

/** Whether every item that the batch will ever have has ended. */
function isComplete({ closed_at, finished_at, counts }: BatchResource): boolean {
  return finished_at !== null || (closed_at !== null && counts.queued + counts.processing === 0);
}

async function connect(open: Transport['open'], path: string, signal: AbortSignal) {
  const response = await open(path, { accept: 'application/x-ndjson' }, signal);
  if (response.body && /^application\/x-ndjson\b/i.test(response.headers.get('content-type') ?? ''))
    return response.body;
  await response.body?.cancel();
  throw new FacequeueError('internal_error', 'the answer is not NDJSON: is this Facequeue?');
}

/**
 * The lines of one connection. Only the time that the service takes to send them counts as silence, not the time that the
 * reader takes to process them.
 * @throws unavailable when the connection breaks
 */
async function* linesOf(body: ReadableStream<Uint8Array>, deadline: Deadline): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const splitter = createLineSplitter();
  try {
    for (;;) {
      deadline.restart();
      const { done, value } = await reader.read().catch((cause) => {
        throw new FacequeueError('unavailable', 'the connection broke', { cause });
      });
      if (done) return;
      deadline.pause();
      yield* splitter.push(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function parsed(line: string): ItemLine {
  try {
    return JSON.parse(line) as ItemLine;
  } catch (cause) {
    throw new FacequeueError('internal_error', 'a line is not JSON: is this Facequeue?', { cause });
  }
}
