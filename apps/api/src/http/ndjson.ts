import type { ServerResponse } from 'node:http';
import { ClientDisconnected } from './client-disconnected.ts';

/**
 * An answer that is NDJSON. One that ends properly is whole. One that cannot go on is cut, so that its reader notices: by `cut`, or by
 * errors.ts for anything thrown after it began.
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
    if (!response.destroyed && !response.write(`${JSON.stringify(line)}\n`)) {
      await new Promise<void>((resolve) => {
        const settle = () => {
          response.off('drain', settle).off('close', settle);
          resolve();
        };
        response.on('drain', settle).on('close', settle);
      });
    }
    if (response.destroyed) throw new ClientDisconnected('the client disconnected while it was reading');
  }

  /** A blank line, which keeps proxies from closing an idle connection. A client that does not read gets none. */
  heartbeat(): void {
    if (!this.#response.writableNeedDrain) this.#response.write('\n');
  }

  end(): void {
    this.#response.end();
  }

  /** Sends what was written, and closes the connection without the terminating chunk, so that the reader knows it has not all. */
  cut(): void {
    this.#response.socket?.destroySoon();
  }
}
