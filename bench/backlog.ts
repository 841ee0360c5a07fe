/**
 * `npm run bench -- backlog [--jobs 100000 --seconds 30]`: what jobs that only wait cost Redis. Two processes sweep, a gateway and a worker, and
 * nobody takes the jobs. They are made ten minutes old, and the times of their checks are spread as they are by then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { newJobId } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { CONSTANTS } from '../packages/queue/src/constants.ts';
import { BenchQueue } from './support/bench-queue.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';

const values = readOptions('npm run bench -- backlog', 'What jobs that only wait cost Redis.', {
  jobs: { default: '100000', help: 'number of jobs that wait' },
  seconds: { default: '30', help: 'duration of each measurement, seconds' },
});
const jobs = numberOption('jobs', values.jobs, 1, 1e6);
const seconds = numberOption('seconds', values.seconds, 1, MAX_SECONDS);

/** Jobs that are sent, or made older, at a time. */
const CHUNK = 500;
const AGE_MS = 600_000;
const WEEK_MS = 7 * 86_400_000;

await using bench = await BenchQueue.open();
await bench.startWorker();
const redis = new Redis(bench.redis.url);

/** Redis' CPU time for each second, ms. */
async function redisMsPerSecond(): Promise<number> {
  const before = await bench.redisCpuMs();
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  return ((await bench.redisCpuMs()) - before) / ((performance.now() - startedAt) / 1000);
}

const submit = async (id: string) =>
  bench.queue.submit({
    id,
    // The worker of benches takes none of this queue.
    queue: 'bulk',
    source: { kind: 'url', url: 'https://example.com/picture.jpg' },
    options: DEFAULT_DETECTION_OPTIONS,
    requestId: 'bench',
    owner: '',
    startTimeoutMs: WEEK_MS,
  });

console.log(`${machine()}\n\n| waiting | Redis CPU-ms a second |\n|---|---|`);
console.log(`| 0 | ${(await redisMsPerSecond()).toFixed(1)} |`);
for (let done = 0; done < jobs; done += CHUNK) {
  const ids = Array.from({ length: Math.min(CHUNK, jobs - done) }, () => newJobId());
  await Promise.all(ids.map(submit));
  const older = redis.pipeline();
  for (const [i, id] of ids.entries()) {
    older.hincrby(`${bench.prefix}:job:${id}`, 'createdAt', -AGE_MS);
    const checkIn = ((done + i) / jobs) * CONSTANTS.MAX_UNCLAIMED_CHECK_MS;
    older.zadd(`${bench.prefix}:due`, Date.now() + checkIn, id);
  }
  await older.exec();
}
console.log(`| ${jobs} | ${(await redisMsPerSecond()).toFixed(1)} |`);
redis.disconnect();
