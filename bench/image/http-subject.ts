/** A subject behind HTTP: callers with a keep-alive connection each, in the process of the bench. */
import { Agent, request } from 'node:http';
import { load } from '../support/statistics.ts';
import { bodyOf, type CallBody, type CallForm, type Form } from './forms.ts';
import type { Picture } from './pictures.ts';
import type { Box } from './same-faces.ts';
import type { Load, Subject } from './subject.ts';

/** The answer of `POST /face_detection`, as far as it is read here. Boxes are shares of the picture's sides. */
interface Answer {
  Faces: { BoundingBox: { Left: number; Top: number; Width: number; Height: number } }[];
}

export interface HttpSubjectOptions {
  title: string;
  url: string;
  forms: readonly Form[];
  /** Where a picture can be fetched, for the form `url`. */
  pictureUrl(picture: Picture): string;
  /** Runs the forms that are more than a call for each image. */
  runStream?(load: Load): Promise<number[]>;
  processes(): Record<string, number[]>;
  close(): Promise<unknown>;
}

export class HttpSubject implements Subject {
  readonly title: string;
  readonly callers = true;
  readonly forms: readonly Form[];
  readonly #options: HttpSubjectOptions;
  readonly #bodies = new Map<string, Promise<CallBody>>();

  constructor(options: HttpSubjectOptions) {
    this.#options = options;
    this.title = options.title;
    this.forms = options.forms;
  }

  async detect(picture: Picture): Promise<Box[]> {
    const { Faces } = JSON.parse(await this.#post(await this.#body('raw', picture), new Agent())) as Answer;
    return Faces.map(({ BoundingBox: { Left, Top, Width, Height } }) => ({
      x: Left * picture.width,
      y: Top * picture.height,
      width: Width * picture.width,
      height: Height * picture.height,
    }));
  }

  async run(given: Load): Promise<number[]> {
    const { form, picture, callers, ms } = given;
    if (form === 'batch' || form === 'cameras') return await this.#options.runStream!(given);
    const body = await this.#body(form, picture);
    // Not kept for the next round: by then a server may be closing connections that were idle for seconds.
    const agent = new Agent({ keepAlive: true });
    try {
      return (await load(callers, ms, () => this.#post(body, agent))).samples;
    } finally {
      agent.destroy();
    }
  }

  processes(): Record<string, number[]> {
    return { ...this.#options.processes(), caller: [process.pid] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.close();
  }

  #body(form: CallForm, picture: Picture): Promise<CallBody> {
    const key = `${form} ${picture.name}`;
    const made = this.#bodies.get(key) ?? bodyOf(form, picture, this.#options.pictureUrl(picture));
    this.#bodies.set(key, made);
    return made;
  }

  /** Posts an image and reads the whole answer. @throws when it is not a success */
  #post({ contentType, bytes }: CallBody, agent: Agent): Promise<string> {
    const headers = { 'content-type': contentType, 'content-length': bytes.length };
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', agent, headers };
      const call = request(`${this.#options.url}/face_detection`, options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(text)
            : reject(new Error(`${this.title} answered ${response.statusCode}: ${text.slice(0, 300)}`)),
        );
      });
      call.on('error', reject);
      call.end(bytes);
    });
  }
}
