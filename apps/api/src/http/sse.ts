/** Server-sent events, as the HTML standard has them (section 9.2). */
import type { ServerResponse } from 'node:http';

export interface ServerSentEvent {
  id: string;
  event: string;
  /** Sent as JSON. */
  data: unknown;
}

/** How soon a client comes back when its stream breaks, ms. */
const RETRY_MS = 2000;
/** And when its gateway ends: spread, so that not all come to the next one at once. */
const MOVE_MS = [500, 3000] as const;

/** An answer that is a stream of events. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.statusCode = 200;
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    response.setHeader('Cache-Control', 'no-cache, no-store');
    // nginx would otherwise keep events back until its buffer is full.
    response.setHeader('X-Accel-Buffering', 'no');
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  send({ id, event, data }: ServerSentEvent): void {
    this.#response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Says where a client is that has seen no event yet: a break before the first one then loses none. */
  place(id: string): void {
    this.#response.write(`id: ${id}\n\n`);
  }

  /**
   * Resolves when what was sent has left this process: at once unless the client reads slowly. One that has read nothing for `ms` is
   * cut off; it comes back for the rest when it can.
   * @returns false when the connection is no more
   */
  async left(ms: number): Promise<boolean> {
    const response = this.#response;
    if (response.writableNeedDrain && !response.destroyed) {
      await new Promise<void>((resolve) => {
        const settle = () => {
          clearTimeout(timer);
          response.off('drain', settle).off('close', settle);
          resolve();
        };
        const timer = setTimeout(() => response.destroy(), ms);
        response.on('drain', settle).on('close', settle);
      });
    }
    return !response.destroyed;
  }

  /** A sign of life, which keeps proxies from closing. A client that does not read gets none: it is as good as gone. */
  comment(): void {
    if (!this.#response.writableNeedDrain) this.#response.write(':\n\n');
  }

  end(): void {
    this.#response.end();
  }

  /** Ends the stream and its connection, and says when to come back on another: this gateway is about to end. */
  move(): void {
    const { socket } = this.#response;
    const retryMs = Math.round(MOVE_MS[0] + Math.random() * (MOVE_MS[1] - MOVE_MS[0]));
    this.#response.end(`retry: ${retryMs}\n\n`);
    socket?.destroySoon();
  }
}
