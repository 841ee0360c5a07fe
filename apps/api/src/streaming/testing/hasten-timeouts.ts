import type { GatewayQueue } from '@facequeue/queue';

/**
 * Lets the first waits for a change, over all subscriptions of a queue, time out at once.
 * @param count of the waits that are cut short
 * @returns the time-out of each wait so far, ms
 */
export function hastenTimeouts(queue: GatewayQueue, count: number): number[] {
  const subscribe = queue.subscribe.bind(queue);
  const timeouts: number[] = [];
  const hastened: GatewayQueue['subscribe'] = (id) => {
    const changes = subscribe(id);
    const nextChange = changes.nextChange.bind(changes);
    return Object.assign(changes, {
      nextChange: async (ms: number, signal?: AbortSignal) =>
        timeouts.push(ms) > count ? nextChange(ms, signal) : false,
    });
  };
  Object.assign(queue, { subscribe: hastened });
  return timeouts;
}
