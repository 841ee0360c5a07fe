import type { ServerResponse } from 'node:http';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { untilWritable } from './until-writable.ts';

/**
 * An NDJSON answer. If it ends properly, it is complete. If it cannot continue, the connection is cut, which the reader notices: by
 * `cut`, or by http/errors.ts for an error after the first line.
 */
export class NdjsonStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.statusCode = 200;
    response.setHeader('Content-Type', 'application/x-ndjson');
    // nginx would otherwise hold lines back until its buffer is full.
    response.setHeader('X-Accel-Buffering', 'no');
    response.flushHeaders();
  }

  /**
   * Resolves when there is room for another line. The server's idle time-out disconnects a client that does not read.
   * @throws ClientDisconnected
   */
  async send(line: unknown): Promise<void> {
    const response = this.#response;
    if (!response.destroyed && !response.write(`${JSON.stringify(line)}\n`)) await untilWritable(response);
    if (response.destroyed) throw new ClientDisconnected('the client disconnected while it was reading');
  }

  /** A blank line, which keeps proxies from closing an idle connection. A client that does not read gets none. */
  heartbeat(): void {
    if (!this.#response.writableNeedDrain) this.#response.write('\n');
  }

  end(): void {
    this.#response.end();
  }

  /** Sends what was written, and closes the connection without the terminating chunk: the reader sees that lines are missing. */
  cut(): void {
    this.#response.socket?.destroySoon();
  }
}
