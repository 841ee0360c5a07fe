import type { ServerResponse } from 'node:http';
import { UnorderedSet } from './unordered-set.ts';

/** The end of a gateway: calls in flight may finish within a grace period. */
export class Shutdown {
  readonly #answers = new UnorderedSet<ServerResponse>();
  readonly #begin = new AbortGroup();
  readonly #graceEnd = new AbortGroup();

  /** True once the gateway has been asked to end. */
  get begun(): boolean {
    return this.#begin.aborted;
  }

  /** From now on every answer, including those in flight, is the last on its connection. */
  begin(): void {
    for (const answer of this.#answers) closeConnectionAfter(answer);
    this.#begin.abort();
  }

  /** The grace period is over: every wait ends now, and later ones end at once. */
  endGrace(): void {
    this.#graceEnd.abort();
  }

  /** Call it for each answer before its headers are sent. */
  track(answer: ServerResponse): void {
    if (this.begun) closeConnectionAfter(answer);
    answer.once('close', this.#answers.add(answer));
  }

  /** Aborts `controller` at `begin`, until disposed. For work that another gateway can resume where this one stopped. */
  abortOnBegin(controller: AbortController): Disposable {
    return this.#begin.add(controller);
  }

  /** Aborts `controller` at `endGrace`, until disposed. */
  abortOnGraceEnd(controller: AbortController): Disposable {
    return this.#graceEnd.add(controller);
  }
}

/** Controllers that abort together; one added after that aborts at once. */
class AbortGroup {
  readonly #controllers = new UnorderedSet<AbortController>();
  aborted = false;

  abort(): void {
    this.aborted = true;
    for (const controller of this.#controllers) controller.abort();
  }

  add(controller: AbortController): Disposable {
    if (this.aborted) controller.abort();
    return { [Symbol.dispose]: this.#controllers.add(controller) };
  }
}

function closeConnectionAfter(answer: ServerResponse): void {
  if (!answer.headersSent) answer.setHeader('Connection', 'close');
}
