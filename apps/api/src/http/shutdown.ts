import type { ServerResponse } from 'node:http';
import { UnorderedSet } from './unordered-set.ts';

/** The end of a gateway: what is in flight may finish, for a while. */
export class Shutdown {
  readonly #answers = new UnorderedSet<ServerResponse>();
  readonly #begin = new Aborted();
  readonly #endOfGrace = new Aborted();

  /** True once the gateway has been asked to end. */
  get shuttingDown(): boolean {
    return this.#begin.over;
  }

  /** From now on every answer, those under way included, is the last on its connection. */
  begin(): void {
    for (const answer of this.#answers) last(answer);
    this.#begin.abort();
  }

  /** The grace is over: every wait ends now, those to come end at once. */
  endGrace(): void {
    this.#endOfGrace.abort();
  }

  /** An answer begins. */
  track(answer: ServerResponse): void {
    if (this.shuttingDown) last(answer);
    answer.once('close', this.#answers.add(answer));
  }

  /** Lets `begin` abort a controller until disposed: of work that another gateway takes up where this one left it. */
  abortOnBegin(controller: AbortController): Disposable {
    return this.#begin.watch(controller);
  }

  /** Lets `expire` abort a controller until disposed. */
  abortOnGraceEnd(controller: AbortController): Disposable {
    return this.#endOfGrace.watch(controller);
  }
}

/** Controllers that abort together, those that come later at once. */
class Aborted {
  readonly #controllers = new UnorderedSet<AbortController>();
  over = false;

  abort(): void {
    this.over = true;
    for (const controller of this.#controllers) controller.abort();
  }

  watch(controller: AbortController): Disposable {
    if (this.over) controller.abort();
    return { [Symbol.dispose]: this.#controllers.add(controller) };
  }
}

function last(answer: ServerResponse): void {
  if (!answer.headersSent) answer.setHeader('Connection', 'close');
}
