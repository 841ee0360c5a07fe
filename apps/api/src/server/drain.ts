import type { ServerResponse } from 'node:http';

/** The end of a gateway: what is in flight may finish, for a while. */
export class Drain {
  readonly #answers = new Set<ServerResponse>();
  readonly #waiting = new Set<AbortController>();
  #draining = false;
  #expired = false;

  /** True once the gateway has been asked to end. */
  get draining(): boolean {
    return this.#draining;
  }

  /** From now on every answer, those under way included, is the last on its connection. */
  begin(): void {
    this.#draining = true;
    for (const answer of this.#answers) last(answer);
  }

  /** The grace is over: every wait ends now, those to come end at once. */
  expire(): void {
    this.#expired = true;
    for (const controller of this.#waiting) controller.abort();
  }

  /** An answer begins. */
  enter(answer: ServerResponse): void {
    if (this.#draining) last(answer);
    this.#answers.add(answer);
    answer.once('close', () => this.#answers.delete(answer));
  }

  /** Lets `expire` abort a wait until disposed. */
  watch(controller: AbortController): Disposable {
    if (this.#expired) controller.abort();
    this.#waiting.add(controller);
    return { [Symbol.dispose]: () => void this.#waiting.delete(controller) };
  }
}

function last(answer: ServerResponse): void {
  if (!answer.headersSent) answer.setHeader('Connection', 'close');
}
