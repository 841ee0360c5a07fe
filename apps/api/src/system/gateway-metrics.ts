import type { Sample } from '@facequeue/metrics';
import type { GatewayQueue } from '@facequeue/queue';
import type { BodyMemory } from '../body/body-memory.ts';

/** Reads the gauges of this gateway. */
export function gatewayReader(
  queue: Pick<GatewayQueue, 'listeners'>,
  bodyMemory: Pick<BodyMemory, 'used'>,
  version: string,
) {
  return (): Sample[] => {
    const { waits, subscriptions } = queue.listeners;
    return [
      { name: 'facequeue_info', labels: { app: 'gateway', version, node: process.version }, value: 1 },
      { name: 'facequeue_open_waits', labels: { kind: 'wait' }, value: waits },
      { name: 'facequeue_open_waits', labels: { kind: 'follow' }, value: subscriptions },
      { name: 'facequeue_body_bytes', labels: {}, value: bodyMemory.used },
    ];
  };
}
