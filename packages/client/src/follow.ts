import type { JobResource, JobStatus } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { createDeadline, type Deadline } from './deadline.ts';
import { createEventStreamParser, type EventStreamParser, type StreamEvent } from './event-stream.ts';
import { createEndurance, pause, pauseBeforeRetry } from './retry.ts';
import type { Transport } from './transport.ts';

/** What happened to a job. */
export type JobEvent =
  | { type: 'status'; id: string; status: JobStatus; attempts: number; at: string }
  /** The job as it ended: the last event. */
  | { type: 'job'; job: JobResource };

/** The service says something every 15 s; after three silences nobody is there. */
const SILENCE_MS = 45_000;
/** A connection that brings nothing in this time was closed on purpose. */
const SHORT_MS = 5000;
/** The pause before a new connection when the stream names none. */
const RECONNECT_MS = 2000;

/**
 * The events of a job until it has ended. A stream that breaks, ends early or falls silent is taken up again after the last
 * event that came.
 * @throws what the service refuses it with; `unavailable` when it stays away; the signal's reason
 */
export async function* followJob(
  open: Transport['open'],
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent, void> {
  const endurance = createEndurance();
  let lastEventId = '';
  let reconnectMs = RECONNECT_MS;
  /** Connections in a row that ended at once and brought nothing. */
  let vain = 0;
  for (;;) {
    const began = performance.now();
    let brought = false;
    const deadline = createDeadline(SILENCE_MS, new FacequeueError('unavailable', 'the service is silent'), signal);
    const parser = createEventStreamParser(lastEventId);
    try {
      const body = await connect(open, path, lastEventId, deadline.signal);
      endurance.answered();
      for await (const streamed of eventsOf(body, parser, deadline)) {
        brought = true;
        const event = jobEvent(streamed);
        if (event) yield event;
        if (event?.type === 'job') return;
      }
    } catch (error) {
      deadline.clear();
      await endurance.failed(error, signal);
      continue;
    } finally {
      deadline.clear();
    }
    signal?.throwIfAborted();
    vain = brought || performance.now() - began > SHORT_MS ? 0 : vain + 1;
    lastEventId = parser.lastEventId;
    reconnectMs = parser.retryMs ?? reconnectMs;
    const asked = pauseBeforeRetry(1, reconnectMs, Math.random(), Number.POSITIVE_INFINITY)!;
    const backOff = vain ? pauseBeforeRetry(vain, undefined, Math.random())! : 0;
    await pause(Math.max(asked, backOff), signal);
  }
}

async function connect(open: Transport['open'], path: string, lastEventId: string, signal: AbortSignal) {
  const response = await open(
    path,
    { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) },
    signal,
  );
  if (response.body && /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) return response.body;
  await response.body?.cancel();
  throw new FacequeueError('internal_error', 'the answer is no event stream: is this Facequeue?');
}

/** The events of one connection. It ends when the stream does, in whatever way. */
async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  parser: EventStreamParser,
  deadline: Deadline,
): AsyncGenerator<StreamEvent, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      // A stream that breaks is one that ends: whoever reads it connects again.
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || !value) return;
      deadline.renew();
      yield* parser.push(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Null for an event this version does not know. */
function jobEvent({ type, data }: StreamEvent): JobEvent | null {
  if (type !== 'status' && type !== 'job') return null;
  try {
    const value = JSON.parse(data);
    return type === 'job' ? { type, job: value } : { ...value, type };
  } catch (cause) {
    throw new FacequeueError('internal_error', 'an event is not JSON: is this Facequeue?', { cause });
  }
}
