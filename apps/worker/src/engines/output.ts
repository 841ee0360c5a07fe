import type { Readable } from 'node:stream';
import type { Logger } from '../log.ts';

/** Longest line that is kept whole, characters; of a longer one the beginning is. */
const MAX_LINE = 2000;
/** Lines that are kept of one image: native libraries may print without end. */
const MAX_LINES = 50;

/** What names an image in log lines, from the HTTP request on. */
export interface ImageNames {
  job_id: string;
  request_id: string;
}

/**
 * What an engine prints, mostly native libraries' complaints of an image: logged a line at a time with the names of the image it looks
 * at, or looked at last.
 */
export class EngineOutput {
  readonly #log: Logger;
  #names: ImageNames | null = null;
  #lines = 0;

  /** @param log names the engine */
  constructor(log: Logger) {
    this.#log = log;
  }

  /** What is printed from now on is about this image. */
  about(names: ImageNames): void {
    this.#names = names;
    this.#lines = 0;
  }

  /** Logs what comes over a stream, until it ends. */
  read(stream: Readable): void {
    let line = '';
    const keep = (text: string) => {
      line += text.slice(0, MAX_LINE - line.length);
    };
    const put = () => {
      if (line.trim()) this.#tell(line);
      line = '';
    };
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const [first = '', ...rest] = chunk.split('\n');
      keep(first);
      for (const next of rest) {
        put();
        keep(next);
      }
    });
    stream.once('close', put);
    // A pipe that breaks has no more to say; the engine's end is told elsewhere.
    stream.on('error', () => {});
  }

  #tell(text: string): void {
    this.#lines++;
    if (this.#lines <= MAX_LINES) this.#log.warn({ ...this.#names, text }, 'engine printed');
    if (this.#lines === MAX_LINES) this.#log.warn({ ...this.#names }, 'engine prints more, which is left out');
  }
}
