import type { Readable } from 'node:stream';
import type { Logger } from '@facequeue/service';

/** Characters kept of a line; the rest of a longer line is dropped. */
const MAX_LINE = 2000;
/** Lines logged per image: native libraries may print without end. */
const MAX_LINES = 50;

/** The ids that name an image in log lines. */
export interface ImageIds {
  job_id: string;
  request_id: string;
}

/**
 * Logs what an engine prints, mostly complaints of native libraries about an image, line by line. Each line has the ids of
 * the image that is, or was last, inside the engine.
 */
export class EngineOutput {
  readonly #log: Logger;
  #ids: ImageIds | null = null;
  #lines = 0;

  /** @param log names the engine */
  constructor(log: Logger) {
    this.#log = log;
  }

  /** Lines printed from now on are about this image. */
  about(ids: ImageIds): void {
    this.#ids = ids;
    this.#lines = 0;
  }

  /** Logs the lines of a stream until it ends. */
  read(stream: Readable): void {
    let line = '';
    const append = (text: string) => {
      line += text.slice(0, MAX_LINE - line.length);
    };
    const flush = () => {
      if (line.trim()) this.#write(line);
      line = '';
    };
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const [first = '', ...rest] = chunk.split('\n');
      append(first);
      for (const next of rest) {
        flush();
        append(next);
      }
    });
    stream.once('close', flush);
    // A broken pipe has nothing more to log; the engine's exit is reported elsewhere.
    stream.on('error', () => {});
  }

  #write(text: string): void {
    this.#lines++;
    if (this.#lines <= MAX_LINES) this.#log.warn({ ...this.#ids, text }, 'engine printed');
    if (this.#lines === MAX_LINES) this.#log.warn({ ...this.#ids }, 'engine output truncated');
  }
}
