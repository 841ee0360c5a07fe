import type { AppendResult, NewItem } from '@facequeue/queue';
import { isRefusedForNow } from '@facequeue/schema';

/** Most items of one append: the queue accepts no more. */
const MAX_ITEMS = 256;
/** Most bytes of one append; a larger item goes alone. */
const MAX_BYTES = 4 << 20;
/** Items that arrive slowly are appended this often, ms. */
export const FLUSH_EVERY_MS = 250;

/** Appends the items of a request to a batch, in chunks that the queue accepts. */
export class BatchAppender {
  readonly #append: (items: NewItem[]) => Promise<AppendResult>;
  readonly #allowPartial: boolean;
  #items: NewItem[] = [];
  #bytes = 0;
  #flushedAt = Number.NEGATIVE_INFINITY;
  /** Outcomes of the items so far. */
  readonly total: AppendResult = { accepted: 0, skipped: 0, failed: 0 };
  /** The last line that has been appended. */
  lastLine = 0;

  /**
   * @param append appends all of the items, or throws
   * @param allowPartial whether a chunk is split when the queue has no room for all of it: it may never have room for a whole one
   */
  constructor(append: (items: NewItem[]) => Promise<AppendResult>, allowPartial: boolean) {
    this.#append = append;
    this.#allowPartial = allowPartial;
  }

  /** Bytes of the items that have not been appended yet. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** @param bytes that the item keeps in memory */
  async add(item: NewItem, bytes: number): Promise<void> {
    await this.makeRoom(bytes);
    this.#items.push(item);
    this.#bytes += bytes;
    if (this.#items.length === MAX_ITEMS) await this.flush();
  }

  /** Flushes if `bytes` more would exceed a chunk. */
  async makeRoom(bytes: number): Promise<void> {
    if (this.#bytes + bytes > MAX_BYTES) await this.flush();
  }

  /** Call it when no item is available at the moment: flushes the buffered items unless the last flush was recent. */
  async idle(): Promise<void> {
    if (performance.now() - this.#flushedAt >= FLUSH_EVERY_MS) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#items.length > 0) await this.#send(this.#items);
    [this.#items, this.#bytes] = [[], 0];
    this.#flushedAt = performance.now();
  }

  async #send(items: NewItem[]): Promise<void> {
    try {
      const result = await this.#append(items);
      for (const outcome of ['accepted', 'skipped', 'failed'] as const) this.total[outcome] += result[outcome];
      this.lastLine = items.at(-1)!.line!;
    } catch (error) {
      const full = isRefusedForNow(error);
      if (!full || !this.#allowPartial || items.length === 1) throw error;
      // A single item without room ends the halving, so each halving costs at most two calls.
      const half = Math.ceil(items.length / 2);
      await this.#send(items.slice(0, half));
      await this.#send(items.slice(half));
    }
  }
}
