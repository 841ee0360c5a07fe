import type { Registry } from '@facequeue/metrics';
import type { AppendResult } from '@facequeue/queue';

/** Counts the items of an append. @returns `result` */
export function countItems(metrics: Registry, result: AppendResult): AppendResult {
  for (const outcome of ['accepted', 'skipped', 'failed'] as const)
    metrics.count('facequeue_batch_items_total', { outcome }, result[outcome]);
  return result;
}
