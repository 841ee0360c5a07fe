import { isTerminal } from '@facequeue/schema';
import type { NewItem } from '../batch/batch.ts';
import { apply, type Event, fresh, type State } from './job-model.ts';

/** An item in the model. */
export interface ModelItem {
  name: string;
  /** State of its job; `queued` while it is pending in the lane, too. */
  state: State;
  /** Once a worker has claimed it. */
  jobId: string | null;
  deliveryId: string | null;
}

/** What a batch should be after each step, in plain lists: what batch/lib.lua and lane/lib.lua do in Redis. */
export class BatchModel {
  readonly id: string;
  readonly items: ModelItem[] = [];
  readonly lane: ModelItem[] = [];
  readonly #open: boolean;
  readonly #maxAttempts: number;
  readonly #names = new Set<string>();
  state: 'building' | 'open' | 'running' | 'canceled' = 'building';
  stopped = false;
  erased = false;

  constructor(id: string, open: boolean, maxAttempts: number) {
    this.id = id;
    this.#open = open;
    this.#maxAttempts = maxAttempts;
  }

  get takesItems(): boolean {
    return this.state === 'building' || this.state === 'open';
  }

  get activeItems(): ModelItem[] {
    return this.items.filter((item) => item.jobId !== null && !isTerminal(item.state.status));
  }

  get done(): boolean {
    return !this.takesItems && this.items.every((item) => isTerminal(item.state.status));
  }

  /** Erased, and its last item has ended. */
  get nothingLeft(): boolean {
    return this.erased && this.done;
  }

  /** @returns accepted, skipped, failed */
  append(items: NewItem[], twice: 'skip' | 'fail'): [number, number, number] {
    const counts: [number, number, number] = [0, 0, 0];
    for (const { name, content } of items) {
      const duplicate = name !== null && this.#names.has(name);
      if (duplicate && twice === 'skip') {
        counts[1]++;
        continue;
      }
      const item: ModelItem = {
        name: duplicate || name === null ? `#${this.items.length + 1}` : name,
        state: fresh(),
        jobId: null,
        deliveryId: null,
      };
      if (name !== null) this.#names.add(name);
      this.items.push(item);
      if (duplicate || content.kind === 'error') {
        item.state = { ...item.state, status: 'failed' };
        counts[2]++;
      } else {
        this.lane.push(item);
        counts[0]++;
      }
    }
    return counts;
  }

  settle(): void {
    if (this.state === 'building') this.state = this.#open ? 'open' : 'running';
  }

  close(): void {
    if (this.state === 'open') this.state = 'running';
  }

  /** @param chunk items of the lane that end at once */
  stop(how: 'cancel' | 'erase', chunk: number): void {
    if (this.erased && how === 'cancel') return;
    if (this.done && !this.stopped) {
      if (how === 'erase') this.erased = true;
      return;
    }
    if (this.done && how === 'cancel') return;
    this.stopped = true;
    this.state = 'canceled';
    this.erased ||= how === 'erase';
    this.cancelRemaining(chunk);
  }

  cancelRemaining(chunk: number): void {
    if (!this.stopped) return;
    for (const item of [...this.lane.splice(0, chunk), ...this.activeItems]) this.#move(item, { kind: 'cancel' });
  }

  /** A free token is claimed. @returns the item it gives */
  claimNext(deliveryId: string): ModelItem | null {
    const item = this.stopped ? undefined : this.lane.shift();
    if (!item) return null;
    item.deliveryId = deliveryId;
    this.#move(item, { kind: 'claim', by: 'a' });
    return item;
  }

  /** An event of an active item. @returns whether the request behind the event succeeded */
  happens(item: ModelItem, event: Event): boolean {
    return this.#move(item, event);
  }

  #move(item: ModelItem, event: Event): boolean {
    const { state, answer } = apply(item.state, event, this.#maxAttempts);
    item.state = state;
    return answer;
  }
}
