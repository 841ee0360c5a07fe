/** The worker process of bench/queue.ts and jobs-memory.ts: ends every job at once. Arguments: the URL of Redis and the prefix. */
import { openWorkerQueue, UNLIMITED } from '@facequeue/queue';

const [url, prefix] = process.argv.slice(2) as [string, string];
/** About the stored size of two faces. */
const RESULT = Buffer.alloc(600, 7);
const IMAGE = { width: 640, height: 480, format: 'jpeg', bytes: 1, orientation: 1 } as const;

const queue = await openWorkerQueue({
  url,
  prefix,
  maxAttempts: 5,
  limits: UNLIMITED,
  onError: (error) => console.error(error.message),
});
await queue.consume('interactive', { concurrency: 16 }, async (id) => {
  const job = await queue.claim(id, 'bench');
  if (!job) return;
  if (job.source.kind === 'inline') await queue.blob(id);
  if (!(await queue.start(id, job.attempt))) return;
  const outcome = { status: 'succeeded', result: RESULT, image: IMAGE, timings: { decode: 1, detect: 1 } } as const;
  await queue.finish(id, job.attempt, outcome);
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send!((user + system) / 1000);
});
process.on('disconnect', () => process.exit());
process.send!('ready');
