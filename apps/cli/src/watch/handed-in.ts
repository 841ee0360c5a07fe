import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import { createEndurance } from './endure.ts';

/** How long the result of a job that has ended may take to be told, ms. */
const TOLD_MS = 10_000;

/** Frames of a file that were handed in and of whose end nothing has been heard. */
export class HandedIn {
  readonly #client: Pick<Client, 'wait'>;
  readonly #most: number;
  readonly #heard = new Map<string, PromiseWithResolvers<void>>();
  /** Results that came before the answer which named their job; as many as are on their way. */
  readonly #early = new Set<string>();

  /** @param most how many there may be */
  constructor(client: Pick<Client, 'wait'>, most: number) {
    this.#client = client;
    this.#most = most;
  }

  /** A frame has become a job. Resolves when there is room for the next one. */
  async add(id: string, signal: AbortSignal): Promise<void> {
    if (!this.#early.delete(id)) this.#heard.set(id, Promise.withResolvers());
    while (this.#heard.size >= this.#most && !signal.aborted) await this.#oldest(signal);
  }

  /** The result of a job was told. */
  told(id: string): void {
    const heard = this.#heard.get(id);
    if (heard) {
      this.#heard.delete(id);
      heard.resolve();
      return;
    }
    this.#early.add(id);
    // Others may post to the camera, too.
    if (this.#early.size > this.#most) this.#early.delete(this.#early.values().next().value!);
  }

  /** Resolves when all have ended, and what is told of them was. */
  async all(signal: AbortSignal): Promise<void> {
    while (this.#heard.size && !signal.aborted) await this.#oldest(signal);
  }

  /** Resolves when the oldest has ended. Superseded and expired frames have no result: only their job tells. */
  async #oldest(outer: AbortSignal): Promise<void> {
    const [id, { promise: told }] = this.#heard.entries().next().value!;
    const over = new AbortController();
    const signal = AbortSignal.any([outer, over.signal]);
    const ended = this.#ended(id, signal);
    await Promise.race([told, ended]);
    over.abort();
    await ended;
    this.#heard.delete(id);
  }

  async #ended(id: string, signal: AbortSignal): Promise<void> {
    // Whoever hands frames in says what is wrong with the service.
    const endurance = createEndurance(signal, () => {});
    do {
      try {
        const { status } = await this.#client.wait(id, { signal });
        if (status === 'succeeded' || status === 'failed') await pause(TOLD_MS, undefined, { signal });
        return;
      } catch (error) {
        if (isFacequeueError(error) && error.code === 'gone') return;
        await endurance.failed(error);
      }
    } while (!signal.aborted);
  }
}
