import type { ServerResponse } from 'node:http';
import { ClientDisconnected } from './client-disconnected.ts';

/**
 * An answer that is NDJSON. One that ends properly is whole; one that cannot go on is cut, so that its reader notices
 * (see `cut`), and anything thrown once it has begun does the same (http/errors.ts).
 */
export class LineStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.statusCode = 200;
    response.setHeader('Content-Type', 'application/x-ndjson');
    // nginx would otherwise keep lines back until its buffer is full.
    response.setHeader('X-Accel-Buffering', 'no');
    response.flushHeaders();
  }

  /**
   * Resolves when there is room for another one. A client that does not read is cut off by the server's time-out of idle connections.
   * @throws ClientDisconnected when the client has gone away
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
    if (response.destroyed) throw new ClientDisconnected('the client went away while it was reading');
  }

  /** A blank line, which keeps proxies from closing. A client that does not read gets none: it is as good as gone. */
  alive(): void {
    if (!this.#response.writableNeedDrain) this.#response.write('\n');
  }

  end(): void {
    this.#response.end();
  }

  /** Lets what was written leave, and closes the connection without the end that HTTP has for an answer. */
  cut(): void {
    this.#response.socket?.destroySoon();
  }
}
