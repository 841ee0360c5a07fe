/**
 * `npm run bench -- jobs-memory [--jobs 10000 --ttl 30]`: what jobs leave behind in Redis. Prints keys, memory and the length of BullMQ's event
 * streams before 10 000 no-op jobs, right after them, and after their results have expired. One job in ten has an idempotency key, one
 * in ten a webhook, which is delivered, and one in a hundred is erased.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  type GatewayQueue,
  newJobId,
  openGatewayQueue,
  openWorkerQueue,
  UNLIMITED,
  type WorkerQueue,
} from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { startRedis } from '../test/support/redis/test-redis.ts';
import { machine } from './support/machine.ts';
import { readOptions } from './support/options.ts';
import { info, sendCommand } from './support/redis-info.ts';

const values = readOptions(
  'npm run bench -- jobs-memory',
  'Keys and memory in Redis before jobs, after them and after they have expired.',
  {
    jobs: { default: '10000', help: 'number of jobs' },
    ttl: { default: '30', help: 'seconds that results are kept' },
  },
);
const PREFIX = '{fq-bench}';
const LANES = 64;
/** Keys of an empty installation: its first start, its counters, and BullMQ's keys of a queue. */
const FIXED_KEYS = 8;

process.env['TEST_REDIS'] ??= 'local';
await using redis = await startRedis();
const onError = (error: Error) => console.error(error.message);
const queue = await openGatewayQueue({
  url: redis.url,
  prefix: PREFIX,
  limits: { maxWaiting: 1e6, maxBlobBytes: 4e9, maxResultBytes: 4e9, maxOldestMs: 600e3 },
  resultTtlMs: Number(values.ttl) * 1000,
  batchTtlMs: 3600e3,
  onError,
});
const worker = fork(fileURLToPath(new URL('queue-worker.ts', import.meta.url)), [redis.url, PREFIX]);
await once(worker, 'message');
const deliverer = await openWorkerQueue({ url: redis.url, prefix: PREFIX, maxAttempts: 5, limits: UNLIMITED, onError });

async function oneJob(queue: GatewayQueue, nth: number): Promise<void> {
  const id = newJobId();
  using wait = queue.wait(id);
  await queue.submit({
    id,
    queue: 'interactive',
    source: { kind: 'inline', bytes: Buffer.alloc(1000, 1) },
    options: DEFAULT_DETECTION_OPTIONS,
    requestId: 'bench',
    owner: '',
    startTimeoutMs: 60e3,
    ...(nth % 10 === 1 && { idempotency: { key: `key-${id}`, fingerprint: 'bench' } }),
    ...(nth % 10 === 2 && { webhookUrl: `https://receiver-${nth % 7}.example/hook` }),
  });
  const record = await wait.ended(60e3);
  if (record?.status !== 'succeeded') throw new Error(`a job ended ${record?.status}`);
  if (nth % 100 === 3) await queue.erase(id, '');
}

/** Runs jobs `from` to `to`, LANES at a time. */
async function run(from: number, to: number): Promise<void> {
  let next = from;
  const lane = async () => {
    while (next < to) await oneJob(queue, next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await deliverAll(deliverer);
}

async function deliverAll(deliverer: WorkerQueue): Promise<void> {
  for (;;) {
    const leased = await deliverer.leaseWebhooks(100, 100, 60e3);
    if (!leased.length) return;
    const attempt = { at: Date.now(), status: 200, error: null, ms: 1 };
    await Promise.all(leased.map((each) => deliverer.reportWebhook(each, { status: 'delivered', attempt })));
  }
}

async function figures() {
  const keys = Number((await sendCommand(redis.port, 'DBSIZE')).replace(':', ''));
  const events = (await sendCommand(redis.port, `XLEN ${PREFIX}:bull:interactive:events`)).replace(':', '');
  return { keys, memory: Number(await info(redis.port, 'memory', 'used_memory')), events };
}

async function untilErased(keys: number): Promise<void> {
  const deadline = Date.now() + (Number(values.ttl) + 60) * 1000;
  while ((await figures()).keys > keys) {
    if (Date.now() > deadline) throw new Error(`${(await figures()).keys} keys remain`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(2);
const jobs = Number(values.jobs);
// Warm-up: scripts, queues and event streams reach their size.
await run(0, 1000);
await untilErased(FIXED_KEYS);
console.log(`${machine()}\n${jobs} jobs, results of 600 bytes kept ${values.ttl} s\n`);
row('', 'keys', 'used memory MB', 'events kept');
const before = await figures();
row('before', before.keys, megabytes(before.memory), before.events);
const startedAt = Date.now();
await run(0, jobs);
const after = await figures();
row('after the jobs', after.keys, megabytes(after.memory), after.events);
if (Date.now() - startedAt > Number(values.ttl) * 1000) console.log('(some had expired by then: give a longer --ttl)');
await untilErased(before.keys);
const end = await figures();
row('after expiry', end.keys, megabytes(end.memory), end.events);
worker.disconnect();
await once(worker, 'exit');
await deliverer.close();
await queue.close();
