import { FacequeueError } from '@facequeue/schema/errors';
import { Deadline, sleep } from '@facequeue/time';
import { createEventStreamParser, type EventStreamParser, type StreamEvent } from './event-stream.ts';
import { createRetryPolicy, patientRetryDelay, retryDelay } from './retry.ts';
import type { Transport } from './transport.ts';

/** The service sends something every 15 s. After three missed times the connection counts as dead. */
export const SILENCE_MS = 45_000;
/** A connection that ends within this time without an event was closed on purpose. */
const SHORT_MS = 5000;
/** Pause before the next connection when the stream asks for none. */
const RECONNECT_MS = 2000;

export interface StreamOptions {
  signal?: AbortSignal | undefined;
  /** Id of the event after which to start; the service chooses when it is absent or empty. */
  after?: string | undefined;
  /**
   * Called on each connection when its position in the stream is known, with the id of the last event before it. After that, a
   * broken connection loses no event.
   */
  onOpen?: ((position: string) => void) | undefined;
}

/**
 * The events of a stream across its connections. When a connection breaks, ends or goes silent, another one continues after the
 * last event, until the reader stops.
 * @throws the error with which the service refuses the call; `unavailable` when it stays unavailable; the signal's reason
 */
export async function* streamedEvents(
  open: Transport['open'],
  path: string,
  { signal, after = '', onOpen }: StreamOptions,
): AsyncGenerator<StreamEvent, never> {
  const retries = createRetryPolicy();
  let lastEventId = after;
  let reconnectMs = RECONNECT_MS;
  /** Connections in a row that ended at once and delivered nothing. */
  let emptyConnections = 0;
  for (;;) {
    const began = performance.now();
    let received = false;
    const deadline = new Deadline({ ms: SILENCE_MS, onTimeout: silent, parent: signal });
    const parser = createEventStreamParser(lastEventId);
    try {
      const body = await connect(open, path, lastEventId, deadline.signal);
      retries.succeeded();
      let placed = false;
      const onBytes = () => {
        deadline.restart();
        if (placed || !parser.lastEventId) return;
        placed = true;
        onOpen?.(parser.lastEventId);
      };
      onBytes();
      for await (const event of eventsOf(body, parser, onBytes)) {
        received = true;
        yield event;
      }
    } catch (error) {
      deadline.dispose();
      await retries.failed(error, signal);
      continue;
    } finally {
      deadline.dispose();
    }
    emptyConnections = received || performance.now() - began > SHORT_MS ? 0 : emptyConnections + 1;
    lastEventId = parser.lastEventId;
    reconnectMs = parser.retryMs ?? reconnectMs;
    const backOff = emptyConnections ? retryDelay(emptyConnections)! : 0;
    await sleep(Math.max(patientRetryDelay(1, reconnectMs), backOff), signal);
  }
}

export const silent = () => new FacequeueError('unavailable', 'the service is silent');

/**
 * The data of an event, as JSON.
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
  throw new FacequeueError('internal_error', 'the answer is not an event stream: is this Facequeue?');
}

/** The events of one connection. Returns when the stream ends or breaks: the caller connects again in both cases. */
async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  parser: EventStreamParser,
  onBytes: () => void,
): AsyncGenerator<StreamEvent, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || !value) return;
      const events = parser.push(value);
      onBytes();
      yield* events;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
