import { createParser } from 'eventsource-parser';

/** One event of a stream. */
export interface StreamEvent {
  /** `message` when the stream names none. */
  type: string;
  data: string;
  /** Id of this event, or of the last event before it that had one; empty when none had. */
  lastEventId: string;
}

/** Parses the bytes of one `text/event-stream` as they arrive. */
export interface EventStreamParser {
  /** @returns the events that `bytes` complete; an unfinished last event is dropped */
  push(bytes: Uint8Array): StreamEvent[];
  /** To send as `Last-Event-ID` when the stream breaks. */
  readonly lastEventId: string;
  /** Pause before the next connection that the stream asks for, ms; undefined when it has not asked for one. */
  readonly retryMs: number | undefined;
}

/** @param lastEventId the last id of the previous connections */
export function createEventStreamParser(lastEventId = ''): EventStreamParser {
  // `createParser` drops the byte order mark; the decoder would drop a second one.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let id = lastEventId;
  let retryMs: number | undefined;
  let events: StreamEvent[] = [];
  const parser = createParser({
    // Also called for ids of events without data, which the gateway sends to give a client its position in a stream.
    onId: (next) => {
      id = next;
    },
    onEvent: ({ event, data }) => {
      events.push({ type: event || 'message', data, lastEventId: id });
    },
    onRetry: (ms) => {
      retryMs = ms;
    },
  });
  return {
    push(bytes) {
      events = [];
      parser.feed(decoder.decode(bytes, { stream: true }));
      return events;
    },
    get lastEventId() {
      return id;
    },
    get retryMs() {
      return retryMs;
    },
  };
}
