import { type BatchTask, MAX_APPEND, type NewItem } from '@facequeue/queue';
import { isFacequeueError } from '@facequeue/schema';
import { assertOwned, LEASE_MS, type TaskDeps, type Work } from './task.ts';

/** Where a listing has got to. */
interface Progress {
  /** Token of the next page; '' for the first, null when there is none. */
  next: string | null;
  /** Items found. */
  found: number;
  /** Objects of the next page: fewer after the queue had no room for those of one. */
  max: number;
}

/** Lists the objects of a batch's prefix into it, a page at a time. Their names are their URLs. */
export function listObjects({ tasks, lister }: TaskDeps, task: BatchTask): Work {
  const { url, suffixes } = task.batch.listing!;
  let progress: Progress = task.state ? JSON.parse(task.state) : { next: '', found: 0, max: MAX_APPEND };
  return {
    async run(signal) {
      while (progress.next !== null) {
        // One append takes them all, so that items and place change in one step.
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
          // To wait for room is no failed try, and what is saved begins the tries anew.
          if (isFacequeueError(error) && error.code === 'queue_full') {
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
