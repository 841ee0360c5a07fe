/**
 * What jobs leave behind in Redis: keys and memory before 10 000 no-op jobs, right after them, and once their results' time is over,
 * and how long BullMQ's streams of events have become.
 * Every tenth job has an idempotency key, every tenth a webhook, which is delivered, and every hundredth is deleted.
 *
 *   node bench/jobs-memory.ts [--jobs 10000] [--ttl 30]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
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
import { machine } from './machine.ts';
import { ask, info } from './redis.ts';

const { values } = parseArgs({
  options: { jobs: { type: 'string', default: '10000' }, ttl: { type: 'string', default: '30' } },
});
const PREFIX = '{fq-bench}';
const LANES = 64;
/** Our first start and counters, and what BullMQ keeps of a queue. */
const LASTING_KEYS = 8;

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
    startWithinMs: 60e3,
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
    const taken = await deliverer.leaseWebhooks(100, 100, 60e3);
    if (!taken.length) return;
    const attempt = { at: Date.now(), status: 200, error: null, ms: 1 };
    await Promise.all(taken.map((each) => deliverer.reportWebhook(each, { status: 'delivered', attempt })));
  }
}

async function figures() {
  const keys = Number((await ask(redis.port, 'DBSIZE')).replace(':', ''));
  const events = (await ask(redis.port, `XLEN ${PREFIX}:bull:interactive:events`)).replace(':', '');
  return { keys, memory: Number(await info(redis.port, 'memory', 'used_memory')), events };
}

async function untilErased(keys: number): Promise<void> {
  const deadline = Date.now() + (Number(values.ttl) + 60) * 1000;
  while ((await figures()).keys > keys) {
    if (Date.now() > deadline) throw new Error(`${(await figures()).keys} keys are left`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(2);
const jobs = Number(values.jobs);
// A first thousand, so that scripts, queues and the streams of events have their size.
await run(0, 1000);
await untilErased(LASTING_KEYS);
console.log(`${machine()}\n${jobs} jobs, results of 600 bytes kept ${values.ttl} s\n`);
row('', 'keys', 'used memory MB', 'events kept');
const before = await figures();
row('before', before.keys, megabytes(before.memory), before.events);
const began = Date.now();
await run(0, jobs);
const after = await figures();
row('after the jobs', after.keys, megabytes(after.memory), after.events);
if (Date.now() - began > Number(values.ttl) * 1000) console.log('(some had been erased by then: give a longer --ttl)');
await untilErased(before.keys);
const end = await figures();
row('after their time', end.keys, megabytes(end.memory), end.events);
worker.disconnect();
await once(worker, 'exit');
await deliverer.close();
await queue.close();
