import type { GatewayQueue } from '@facequeue/queue';

/** Counts the open waits and subscriptions of a gateway's queue. */
export function countOpen(queue: GatewayQueue): { waits: number; subscriptions: number } {
  const open = { waits: 0, subscriptions: 0 };
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
    subscribe: counted('subscriptions', queue.subscribe.bind(queue)),
  });
  return open;
}
