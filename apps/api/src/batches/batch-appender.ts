import type { AppendResult, NewItem } from '@facequeue/queue';
import { isFacequeueError } from '@facequeue/schema';

/** Items of one append: the queue takes no more. */
const MAX_ITEMS = 256;
/** Bytes of one append; an item larger than that goes alone. */
const MAX_BYTES = 4 << 20;
/** Items that come slowly go on their way this often, ms. */
export const SEND_EVERY_MS = 250;

/** Hands the items of a request to the queue, in chunks of what it takes at a time. */
export class BatchAppender {
  readonly #append: (items: NewItem[]) => Promise<AppendResult>;
  readonly #inPart: boolean;
  #items: NewItem[] = [];
  #bytes = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** What has become of the items so far. */
  readonly total: AppendResult = { accepted: 0, skipped: 0, failed: 0 };
  /** The last line that the queue has. */
  taken = 0;

  /**
   * @param append takes all of them, or throws
   * @param inPart whether a queue without room for a chunk is given as much of it as it takes. It may never have room for a whole one
   */
  constructor(append: (items: NewItem[]) => Promise<AppendResult>, inPart: boolean) {
    this.#append = append;
    this.#inPart = inPart;
  }

  /** Bytes of the items that wait to be handed on. */
  get held(): number {
    return this.#bytes;
  }

  /** @param bytes that the item holds */
  async add(item: NewItem, bytes: number): Promise<void> {
    await this.makeRoom(bytes);
    this.#items.push(item);
    this.#bytes += bytes;
    if (this.#items.length === MAX_ITEMS) await this.flush();
  }

  /** Sees that with `bytes` more no more than a chunk is held. */
  async makeRoom(bytes: number): Promise<void> {
    if (this.#bytes + bytes > MAX_BYTES) await this.flush();
  }

  /** No more items are here right now. */
  async pause(): Promise<void> {
    if (performance.now() - this.#sentAt >= SEND_EVERY_MS) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#items.length > 0) await this.#send(this.#items);
    [this.#items, this.#bytes] = [[], 0];
    this.#sentAt = performance.now();
  }

  async #send(items: NewItem[]): Promise<void> {
    try {
      const appended = await this.#append(items);
      for (const what of ['accepted', 'skipped', 'failed'] as const) this.total[what] += appended[what];
      this.taken = items.at(-1)!.line!;
    } catch (error) {
      const full = isFacequeueError(error) && error.code === 'queue_full';
      if (!full || !this.#inPart || items.length === 1) throw error;
      // What has no room for one item ends it: no more than two calls for each halving.
      const half = Math.ceil(items.length / 2);
      await this.#send(items.slice(0, half));
      await this.#send(items.slice(half));
    }
  }
}
