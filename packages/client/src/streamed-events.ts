import { FacequeueError } from '@facequeue/schema/errors';
import { createDeadline } from './deadline.ts';
import { createEventStreamParser, type EventStreamParser, type StreamEvent } from './event-stream.ts';
import { createRetryPolicy, pause, pauseBeforeRetry } from './retry.ts';
import type { Transport } from './transport.ts';

/** The service says something every 15 s; after three silences nobody is there. */
const SILENCE_MS = 45_000;
/** A connection that brings nothing in this time was closed on purpose. */
const SHORT_MS = 5000;
/** The pause before a new connection when the stream names none. */
const RECONNECT_MS = 2000;

export interface StreamOptions {
  signal?: AbortSignal | undefined;
  /** Id of the event behind which to begin; where the service begins by itself when absent or empty. */
  after?: string | undefined;
  /** Called on each connection once its place in the stream is known, with how far it has come: no break after that loses an event. */
  onOpen?: ((place: string) => void) | undefined;
}

/**
 * The events of a stream that goes on over its connections: one that breaks, ends or falls silent is taken up again behind
 * the last event that came, until whoever reads has enough.
 * @throws what the service refuses it with; `unavailable` when it stays away; the signal's reason
 */
export async function* streamedEvents(
  open: Transport['open'],
  path: string,
  { signal, after = '', onOpen }: StreamOptions,
): AsyncGenerator<StreamEvent, never> {
  const retries = createRetryPolicy();
  let lastEventId = after;
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
      retries.succeeded();
      let placed = false;
      const onHeard = () => {
        deadline.renew();
        if (placed || !parser.lastEventId) return;
        placed = true;
        onOpen?.(parser.lastEventId);
      };
      onHeard();
      for await (const event of eventsOf(body, parser, onHeard)) {
        brought = true;
        yield event;
      }
    } catch (error) {
      deadline.clear();
      await retries.failed(error, signal);
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

/**
 * What an event carries.
 * @throws internal_error
 */
export function dataOf<T>({ data }: StreamEvent): T {
  try {
    return JSON.parse(data) as T;
  } catch (cause) {
    throw new FacequeueError('internal_error', 'an event is not JSON: is this Facequeue?', { cause });
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
  onHeard: () => void,
): AsyncGenerator<StreamEvent, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      // A stream that breaks is one that ends: whoever reads it connects again.
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || !value) return;
      const events = parser.push(value);
      onHeard();
      yield* events;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
