import { type BatchTask, MAX_APPEND, type NewItem } from '@facequeue/queue';
import { isRefusedForNow } from '@facequeue/schema';
import { assertOwned, LEASE_MS, type TaskDeps, type TaskWork } from './task.ts';

/** Progress of a listing, as saved. */
interface Progress {
  /** Token of the next page; '' for the first, null after the last. */
  next: string | null;
  /** Items found. */
  found: number;
  /** Most objects of the next page; halved when the queue has no room for a page. */
  max: number;
}

/** Appends the objects under a batch's prefix as items, a page at a time. Items are named by their URLs. */
export function listObjects({ tasks, lister }: TaskDeps, task: BatchTask): TaskWork {
  const { url, suffixes } = task.batch.listing!;
  let progress: Progress = task.state ? JSON.parse(task.state) : { next: '', found: 0, max: MAX_APPEND };
  return {
    async run(signal) {
      while (progress.next !== null) {
        // One append takes a whole page, so that items and progress change in one step.
        const page = await lister.page(url, suffixes, progress.next, progress.max, signal);
        const items = page.objects.map(
          (object, i): NewItem => ({
            name: object.url,
            line: progress.found + i + 1,
            content: { kind: 'url', url: object.url },
          }),
        );
        const after: Progress = {
          next: page.next,
          found: progress.found + items.length,
          max: Math.min(MAX_APPEND, 2 * progress.max),
        };
        try {
          await assertOwned(tasks.append(task, items, JSON.stringify(after), LEASE_MS));
        } catch (error) {
          // Waiting for room is no failure, and saving progress resets the count of tries.
          if (isRefusedForNow(error)) {
            progress = { ...progress, max: Math.ceil(progress.max / 2) };
            await assertOwned(tasks.save(task, JSON.stringify(progress), LEASE_MS));
          }
          throw error;
        }
        progress = after;
        signal.throwIfAborted();
      }
    },
    async abandon() {},
  };
}
