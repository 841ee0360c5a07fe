/** Waits that are cut short when the gateway has to end. */
export class Drain {
  readonly #waiting = new Set<AbortController>();
  #draining = false;
  #expired = false;

  /** True once the gateway has been asked to end. */
  get draining(): boolean {
    return this.#draining;
  }

  begin(): void {
    this.#draining = true;
  }

  /** The grace is over: every wait ends now, those to come end at once. */
  expire(): void {
    this.#draining = true;
    this.#expired = true;
    for (const controller of this.#waiting) controller.abort();
  }

  /** Lets `expire` abort a wait until disposed. */
  watch(controller: AbortController): Disposable {
    if (this.#expired) controller.abort();
    this.#waiting.add(controller);
    return { [Symbol.dispose]: () => void this.#waiting.delete(controller) };
  }
}
