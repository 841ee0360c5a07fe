/** One event of a stream. */
export interface StreamEvent {
  /** `message` when the stream names none. */
  type: string;
  data: string;
  /** Id of this event or of the last one before it that had one; empty when none had. */
  lastEventId: string;
}

/** Reads the bytes of one `text/event-stream` as they come. */
export interface EventStreamParser {
  /** @returns the events that `bytes` complete; what is left over at the end of a stream is no event */
  push(bytes: Uint8Array): StreamEvent[];
  /** What to send as `Last-Event-ID` when the stream breaks. */
  readonly lastEventId: string;
  /** The pause the stream asks for before a new connection, ms; undefined while it has asked for none. */
  readonly retryMs: number | undefined;
}

/**
 * A parser of server-sent events as the HTML standard has them (section 9.2.6, "Interpreting an event stream"): UTF-8 with
 * or without byte order mark; lines ended by CR, LF or CRLF; comments; data of several lines.
 * @param lastEventId the id that the connections before had come to
 */
export function createEventStreamParser(lastEventId = ''): EventStreamParser {
  const decoder = new TextDecoder(); // drops one byte order mark
  /** Pieces of the line that has not ended: joined once, so that a long line costs no more than its length. */
  let line: string[] = [];
  /** Whether the last character was a CR: an LF after it belongs to the same end of line. */
  let afterReturn = false;
  let type = '';
  let data: string[] = [];
  let id = lastEventId;
  let dispatchedId = lastEventId;
  let retryMs: number | undefined;

  const field = (name: string, value: string) => {
    if (name === 'data') data.push(value);
    else if (name === 'event') type = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  };

  const endOfEvent = (): StreamEvent | null => {
    dispatchedId = id;
    const event = data.length ? { type: type || 'message', data: data.join('\n'), lastEventId: id } : null;
    type = '';
    data = [];
    return event;
  };

  const endOfLine = (text: string): StreamEvent | null => {
    if (text === '') return endOfEvent();
    const colon = text.indexOf(':');
    if (colon < 0) field(text, '');
    // A line that begins with a colon is a comment.
    else if (colon > 0) field(text.slice(0, colon), text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1));
    return null;
  };

  return {
    push(bytes) {
      let text = decoder.decode(bytes, { stream: true });
      if (text === '') return [];
      if (afterReturn && text.startsWith('\n')) text = text.slice(1);
      afterReturn = text.endsWith('\r');
      const ended = text.split(/\r\n|\r|\n/);
      const rest = ended.pop()!;
      const events: StreamEvent[] = [];
      for (const end of ended) {
        const event = endOfLine([...line, end].join(''));
        line = [];
        if (event) events.push(event);
      }
      line.push(rest);
      return events;
    },
    get lastEventId() {
      return dispatchedId;
    },
    get retryMs() {
      return retryMs;
    },
  };
}
