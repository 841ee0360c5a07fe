/** A worker in a process of its own, for tests that kill it: says `started` for the first job and then hangs. */
import { UNLIMITED } from '../gateway/admission.ts';
import { createWorkQueue } from '../worker/work-queue.ts';

const [url, prefix] = process.argv.slice(2) as [string, string];
const queue = await createWorkQueue({ url, prefix, maxAttempts: 5, limits: UNLIMITED, onError: () => {} });
await queue.consume('interactive', { concurrency: 8 }, async (id) => {
  const claimed = await queue.claim(id, 'doomed');
  if (!claimed) return;
  await queue.start(id, claimed.attempt);
  process.send!(id);
  await new Promise(() => {});
});
process.send!('ready');
