/** Server-sent events, as section 9.2 of the HTML standard defines them. */
import type { ServerResponse } from 'node:http';
import { startTimer } from '@facequeue/time';
import { untilWritable } from './until-writable.ts';

export interface ServerSentEvent {
  id: string;
  event: string;
  /** Sent as JSON. */
  data: unknown;
}

/** An event as it is sent, which `sendText` takes. */
export const eventText = ({ id, event, data }: ServerSentEvent): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** When a client reconnects after its stream broke, ms. */
const RETRY_MS = 2000;
/** When a client reconnects after its gateway shut down, ms: at random, so that not all of them reach the next gateway at once. */
const MOVE_RETRY_MS = [500, 3000] as const;

/** An answer that is a stream of events. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.statusCode = 200;
    response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    response.setHeader('Cache-Control', 'no-cache, no-store');
    // nginx would otherwise hold events back until its buffer is full.
    response.setHeader('X-Accel-Buffering', 'no');
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  send(event: ServerSentEvent): void {
    this.sendText(eventText(event));
  }

  /** Sends an event by its text, which many clients may share. */
  sendText(text: string): void {
    this.#response.write(text);
  }

  /** Sends a client its position before the first event: a connection that breaks before that event loses none. */
  sendPosition(id: string): void {
    this.#response.write(`id: ${id}\n\n`);
  }

  /**
   * Resolves when everything sent has left this process: at once unless the client reads slowly. A client that has read nothing for `ms`
   * is disconnected; it can reconnect and resume.
   * @returns false when the connection is closed
   */
  async flushed(ms: number): Promise<boolean> {
    const response = this.#response;
    if (response.writableNeedDrain && !response.destroyed) {
      using _ = startTimer(ms, () => response.destroy());
      await untilWritable(response);
    }
    return !response.destroyed;
  }

  /** Keeps proxies from closing an idle connection. A client that does not read gets none. */
  heartbeat(): void {
    if (!this.#response.writableNeedDrain) this.#response.write(':\n\n');
  }

  end(): void {
    this.#response.end();
  }

  /** Ends the stream and its connection because this gateway shuts down, and says when to reconnect. */
  endForShutdown(): void {
    const { socket } = this.#response;
    const [min, max] = MOVE_RETRY_MS;
    this.#response.end(`retry: ${Math.round(min + Math.random() * (max - min))}\n\n`);
    socket?.destroySoon();
  }
}
