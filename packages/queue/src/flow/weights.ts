import { repeat } from '@facequeue/time';
import type { Connections } from '../redis/connections.ts';
import { defineScript, isOne, list, number, text } from '../redis/define-script.ts';

/** How soon weights that Redis could not take are sent again, ms. */
const RETRY_EVERY_MS = 1000;

export const setWeightsScript = defineScript({
  file: new URL('./set-weights.lua', import.meta.url),
  args: { weights: list({ flow: text, weight: number }) },
  reply: isOne,
});

/** Makes the weights of flows known to the installation. */
export class Weights implements Disposable {
  readonly #connections: Connections;
  readonly #retries: Disposable;
  /** Those that are not 1; null until they are set. */
  #weights: { flow: string; weight: number }[] | null = null;
  /** Whether Redis may not have them. */
  #pending = false;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.#retries = repeat(() => this.#send(), RETRY_EVERY_MS);
    // A Redis that has started again or failed over may have lost them.
    connections.redis.on('ready', () => {
      this.#pending = this.#weights !== null;
      void this.#send();
    });
  }

  /**
   * Puts the weights of flows in place of those that any gateway has set; a flow that is not among them has 1. They count from the next
   * turn of a flow on. What Redis cannot take now is sent again until it does.
   */
  set(weights: ReadonlyMap<string, number>): void {
    this.#weights = [...weights].flatMap(([flow, weight]) => (weight === 1 ? [] : { flow, weight }));
    this.#pending = true;
    void this.#send();
  }

  [Symbol.dispose](): void {
    this.#retries[Symbol.dispose]();
  }

  async #send(): Promise<void> {
    const { redis, scripts, onError } = this.#connections;
    if (!this.#pending || redis.status !== 'ready') return;
    this.#pending = false;
    try {
      await scripts.run(setWeightsScript, { weights: this.#weights! });
    } catch (error) {
      this.#pending = true;
      onError(error as Error);
    }
  }
}
