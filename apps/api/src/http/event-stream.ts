/** Server-sent events, as the HTML standard has them (section 9.2). */
import type { ServerResponse } from 'node:http';

export interface ServerSentEvent {
  id: string;
  event: string;
  /** Sent as JSON. */
  data: unknown;
}

/** An answer that is a stream of events. */
export class EventStream {
  readonly #response: ServerResponse;

  /** @param retryMs how long a client waits before it connects again, once this stream breaks */
  constructor(response: ServerResponse, retryMs: number) {
    this.#response = response;
    response.statusCode = 200;
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    response.setHeader('Cache-Control', 'no-cache, no-store');
    // nginx would otherwise keep events back until its buffer is full.
    response.setHeader('X-Accel-Buffering', 'no');
    response.write(`retry: ${retryMs}\n\n`);
  }

  send({ id, event, data }: ServerSentEvent): void {
    this.#response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** A sign of life, which keeps proxies from closing. A client that does not read gets none: it is as good as gone. */
  comment(): void {
    if (!this.#response.writableNeedDrain) this.#response.write(':\n\n');
  }

  /** Ends the stream, and the connection when `retryMs` says when to come back on another. */
  end(retryMs?: number): void {
    if (retryMs === undefined) return void this.#response.end();
    const { socket } = this.#response;
    this.#response.end(`retry: ${retryMs}\n\n`);
    socket?.destroySoon();
  }
}
