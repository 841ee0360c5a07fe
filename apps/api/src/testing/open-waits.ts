import type { JobQueue } from '@facequeue/queue';

/** Counts waits and follows of a gateway's queue that have begun and not been freed. */
export function countOpen(queue: JobQueue): { waits: number; follows: number } {
  const open = { waits: 0, follows: 0 };
  const counted =
    <T extends Disposable>(what: keyof typeof open, begin: (id: string) => T) =>
    (id: string) => {
      const begun = begin(id);
      const free = begun[Symbol.dispose].bind(begun);
      open[what]++;
      return Object.assign(begun, {
        [Symbol.dispose]() {
          open[what]--;
          free();
        },
      });
    };
  Object.assign(queue, {
    wait: counted('waits', queue.wait.bind(queue)),
    follow: counted('follows', queue.follow.bind(queue)),
  });
  return open;
}
