/** Batches through the gateway's side, as tests make and read them. */
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { MAX_APPEND } from '../batch/append.ts';
import type { BatchRecord, ItemResult, NewBatch, NewItem } from '../batch/batch.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import { newJobId } from '../job/job-id.ts';
import { LONG } from './rig.ts';

export const batch = (more: Partial<NewBatch> = {}): NewBatch => ({
  id: newJobId(),
  owner: '',
  requestId: 'test',
  options: DEFAULT_DETECTION_OPTIONS,
  open: false,
  ...more,
});

/** Inline items with images of their names. */
export const items = (count: number, from = 0): NewItem[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `item ${from + i}`,
    line: from + i + 1,
    content: { kind: 'inline', bytes: Buffer.from(`item ${from + i}`) },
  }));

/** Creates, fills and settles a batch. @returns its id */
export async function made(queue: GatewayQueue, of: NewItem[], more: Partial<NewBatch> = {}): Promise<string> {
  const given = batch(more);
  await queue.batches.create(given);
  for (let from = 0; from < of.length; from += MAX_APPEND)
    await queue.batches.append(given.id, given.owner, of.slice(from, from + MAX_APPEND), 'fail');
  await queue.batches.settle(given.id);
  return given.id;
}

/** The record of a batch once it has ended, or null once it is erased. */
export async function finished(queue: GatewayQueue, id: string): Promise<BatchRecord | null> {
  using follow = queue.subscribe(id);
  for (;;) {
    const record = await queue.batches.read(id, '');
    if (!record || record.finishedAt !== null) return record;
    await follow.nextChange(LONG);
  }
}

export async function allResults(queue: GatewayQueue, id: string, page = 256): Promise<ItemResult[]> {
  const all: ItemResult[] = [];
  for (;;) {
    const next = await queue.batches.results(id, all.at(-1)?.cursor ?? '', page);
    if (next.length === 0) return all;
    all.push(...next);
  }
}
