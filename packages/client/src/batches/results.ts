import type { BatchResource, ItemLine } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { createDeadline, type Deadline } from '../deadline.ts';
import { createRetryPolicy, pause, pauseBeforeRetry } from '../retry.ts';
import type { Transport } from '../transport.ts';
import { createLineSplitter } from './lines.ts';

/** The service says something every 15 s; after three silences nobody is there. */
const SILENCE_MS = 45_000;

/** What reading asks of the service. */
export interface ResultsSource {
  open: Transport['open'];
  /** The batch as it is now. */
  batch(signal: AbortSignal | undefined): Promise<BatchResource>;
  /** Path of the results, without query. */
  path: string;
}

/**
 * The results of a batch in the order in which its items ended: those there are, or with `follow` all there will be. A
 * stream that breaks, ends early or falls silent is taken up again behind the last line that came.
 * @param after a cursor; '' from the beginning
 * @throws what the service refuses it with; `unavailable` when it stays away; the signal's reason
 */
export async function* readResults(
  { open, batch, path }: ResultsSource,
  after: string,
  follow: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<ItemLine, void> {
  const retries = createRetryPolicy();
  let cursor = after;
  /** Whether a stream that ends now has brought all. A stream may end early, so without having known that it is not believed. */
  let complete = !follow;
  /** Streams in a row that brought nothing. */
  let vain = 0;
  for (;;) {
    let brought = false;
    const deadline = createDeadline(SILENCE_MS, new FacequeueError('unavailable', 'the service is silent'), signal);
    try {
      const query = new URLSearchParams({ ...(cursor && { after: cursor }), ...(follow && { follow: 'true' }) });
      const body = await connect(open, query.size ? `${path}?${query}` : path, deadline.signal);
      for await (const line of linesOf(body, deadline)) {
        retries.succeeded();
        brought = true;
        // A sign of life.
        if (line.trim() === '') continue;
        const item = parsed(line);
        cursor = item.cursor;
        yield item;
      }
      if (complete) return;
      deadline.renew();
      complete = noneToCome(await batch(deadline.signal));
      retries.succeeded();
    } catch (error) {
      deadline.clear();
      await retries.failed(error, signal);
      continue;
    } finally {
      deadline.clear();
    }
    vain = brought || complete ? 0 : vain + 1;
    if (vain) await pause(pauseBeforeRetry(vain, undefined, Math.random())!, signal);
  }
}

/** Whether every item that the batch will ever have has ended. */
function noneToCome({ closed_at, finished_at, counts }: BatchResource): boolean {
  return finished_at !== null || (closed_at !== null && counts.queued + counts.processing === 0);
}

async function connect(open: Transport['open'], path: string, signal: AbortSignal) {
  const response = await open(path, { accept: 'application/x-ndjson' }, signal);
  if (response.body && /^application\/x-ndjson\b/i.test(response.headers.get('content-type') ?? ''))
    return response.body;
  await response.body?.cancel();
  throw new FacequeueError('internal_error', 'the answer is no NDJSON: is this Facequeue?');
}

/**
 * The lines of one connection. Only what the service takes to bring them counts as silence, not what is done with them.
 * @throws unavailable when it breaks
 */
async function* linesOf(body: ReadableStream<Uint8Array>, deadline: Deadline): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const splitter = createLineSplitter();
  try {
    for (;;) {
      deadline.renew();
      const { done, value } = await reader.read().catch((cause) => {
        throw new FacequeueError('unavailable', 'the connection broke', { cause });
      });
      if (done) return;
      deadline.rest();
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
