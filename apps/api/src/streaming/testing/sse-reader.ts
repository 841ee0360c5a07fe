/** Reads server-sent events over HTTP, one by one. */

export interface SentEvent {
  id?: string;
  event?: string;
  data?: string;
  retry?: string;
  /** Text of a comment. */
  comment?: string;
}

export interface EventReader extends Disposable {
  readonly response: Response;
  /** The next block of the stream; null at its end. */
  next(): Promise<SentEvent | null>;
  /** The remaining blocks. */
  rest(): Promise<SentEvent[]>;
}

export async function readEvents(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
  const disconnect = new AbortController();
  const response = await fetch(url, { headers, signal: disconnect.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<SentEvent | null> => {
    while (!text.includes('\n\n')) {
      const { done = true, value } = (await reader?.read()) ?? {};
      if (done) return null;
      text += value;
    }
    const end = text.indexOf('\n\n');
    const block = text.slice(0, end);
    text = text.slice(end + 2);
    return Object.fromEntries(
      block.split('\n').map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon) || 'comment', line.slice(colon + 1).trim()];
      }),
    );
  };
  return {
    response,
    next,
    async rest() {
      const events: SentEvent[] = [];
      for (let event = await next(); event; event = await next()) events.push(event);
      return events;
    },
    [Symbol.dispose]: () => disconnect.abort(),
  };
}
