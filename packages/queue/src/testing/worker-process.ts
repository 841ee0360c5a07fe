/** A worker in a process of its own, for tests that kill it: sends the id of each job it has started, and then hangs. */
import type { QueueName } from '@facequeue/schema';
import { UNLIMITED } from '../limits/admission.ts';
import { openWorkerQueue } from '../worker-queue.ts';

const [url, prefix, from = 'interactive'] = process.argv.slice(2) as [string, string, QueueName?];
const queue = await openWorkerQueue({ url, prefix, maxAttempts: 5, limits: UNLIMITED, onError: () => {} });
await queue.consume(from, { concurrency: 8 }, async (deliveryId) => {
  const claimed = await queue.claim(deliveryId, 'doomed');
  if (!claimed) return;
  await queue.start(claimed.id, claimed.attempt);
  process.send!(claimed.id);
  await new Promise(() => {});
});
process.send!('ready');
