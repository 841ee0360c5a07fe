import type { Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import { linkedAbort, retry, sleep } from '@facequeue/time';
import { outagePolicy } from './outage-policy.ts';

/** How long after the end of a job its result event may arrive, ms. */
const RESULT_EVENT_MS = 10_000;

/** Frames of a file that were submitted and have not ended, as far as is known. Bounded. */
export class FramesInFlight {
  readonly #client: Pick<Client, 'wait'>;
  readonly #limit: number;
  readonly #pending = new Map<string, PromiseWithResolvers<void>>();
  /** Results that arrived before the response that names their job. */
  readonly #early = new Set<string>();

  /** @param limit number of frames */
  constructor(client: Pick<Client, 'wait'>, limit: number) {
    this.#client = client;
    this.#limit = limit;
  }

  /** Adds the job of a frame. Resolves when another frame may be submitted. */
  async add(id: string, signal: AbortSignal): Promise<void> {
    if (!this.#early.delete(id)) this.#pending.set(id, Promise.withResolvers());
    while (this.#pending.size >= this.#limit && !signal.aborted) await this.#oldest(signal);
  }

  /** Removes a job whose result has arrived. */
  resultArrived(id: string): void {
    const pending = this.#pending.get(id);
    if (pending) {
      this.#pending.delete(id);
      pending.resolve();
      return;
    }
    this.#early.add(id);
    // Other clients may post to the same camera, so the set is bounded too.
    if (this.#early.size > this.#limit) this.#early.delete(this.#early.values().next().value!);
  }

  /** Resolves when no frame is in flight. */
  async empty(signal: AbortSignal): Promise<void> {
    while (this.#pending.size && !signal.aborted) await this.#oldest(signal);
  }

  /** Resolves when the oldest job has ended. Superseded and expired frames have no result event, so their job is read. */
  async #oldest(outer: AbortSignal): Promise<void> {
    const [id, { promise: result }] = this.#pending.entries().next().value!;
    using wait = linkedAbort(outer);
    const ended = this.#ended(id, wait.signal);
    await Promise.race([result, ended]);
    wait.abort();
    await ended;
    this.#pending.delete(id);
  }

  async #ended(id: string, signal: AbortSignal): Promise<void> {
    const wait = async () => {
      const { status } = await this.#client.wait(id, { signal });
      if (status === 'succeeded' || status === 'failed') await sleep(RESULT_EVENT_MS, signal);
    };
    try {
      // An outage is reported where frames are posted.
      await retry(
        wait,
        outagePolicy(signal, () => {}),
      );
    } catch (error) {
      if (!signal.aborted && !(isFacequeueError(error) && error.code === 'gone')) throw error;
    }
  }
}
