/**
 * `npm run bench -- queue [--seconds 5 --in-flight 64 --bytes 500000]`: what the queue costs per job. No-op jobs through submit, claim, start, finish
 * and wait; gateway, worker and Redis each in a process. CPU-ms are user + system time; trust those and ratios, not wall times.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { newJobId, openGatewayQueue } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { startRedis } from '../test/support/redis/test-redis.ts';
import { machine } from './support/machine.ts';
import { readOptions } from './support/options.ts';
import { info } from './support/redis-info.ts';
import { load, percentile } from './support/statistics.ts';

const values = readOptions(
  'npm run bench -- queue',
  'What the queue costs per job: no-op jobs through submit, claim, start, finish and wait.',
  {
    seconds: { default: '5', help: 'duration of each measurement, seconds' },
    'in-flight': { default: '64', help: 'jobs in flight in the second measurement' },
    bytes: { default: '0', help: 'size of the inline image; 0: a URL' },
  },
);
const PREFIX = '{fq-bench}';

// The local server, without a container network in between.
process.env['TEST_REDIS'] ??= 'local';
await using redis = await startRedis();
const queue = await openGatewayQueue({
  url: redis.url,
  prefix: PREFIX,
  limits: { maxWaiting: 1e6, maxBlobBytes: 4e9, maxResultBytes: 4e9, maxOldestMs: 600e3 },
  resultTtlMs: 60e3,
  batchTtlMs: 3600e3,
  onError: (error) => console.error(error.message),
});
const worker = fork(fileURLToPath(new URL('queue-worker.ts', import.meta.url)), [redis.url, PREFIX]);
await once(worker, 'message');

const bytes = Number(values.bytes);
const source = bytes
  ? { kind: 'inline' as const, bytes: Buffer.alloc(bytes, 1) }
  : { kind: 'url' as const, url: 'https://example.com/picture.jpg' };

async function oneJob(): Promise<void> {
  const id = newJobId();
  using wait = queue.wait(id);
  await queue.submit({
    id,
    queue: 'interactive',
    source,
    options: DEFAULT_DETECTION_OPTIONS,
    requestId: 'bench',
    owner: '',
    startTimeoutMs: 60e3,
  });
  const record = await wait.ended(60e3);
  if (record?.status !== 'succeeded') throw new Error(`a job ended ${record?.status}`);
}

/** CPU-ms so far: gateway, worker, Redis. */
async function spent(): Promise<[number, number, number]> {
  const { user, system } = process.cpuUsage();
  worker.send('cpu');
  const [work] = (await once(worker, 'message')) as [number];
  return [(user + system) / 1000, work, await redisCpu()];
}

async function redisCpu(): Promise<number> {
  const seconds = async (name: string) => Number(await info(redis.port, 'cpu', name));
  return ((await seconds('used_cpu_user')) + (await seconds('used_cpu_sys'))) * 1000;
}

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
console.log(`${machine()}\nNo-op jobs of ${bytes} image bytes\n`);
row('in flight', 'jobs/s', 'p50 ms', 'p99 ms', 'CPU-ms per job', 'gateway', 'worker', 'Redis');
await load(16, 1000, oneJob);
for (const inFlight of [1, Number(values['in-flight'])]) {
  const before = await spent();
  const { samples, rate } = await load(inFlight, Number(values.seconds) * 1000, oneJob);
  const after = await spent();
  const each = after.map((ms, i) => (ms - before[i]!) / samples.length);
  const sum = each.reduce((total, ms) => total + ms, 0);
  const times = [percentile(samples, 0.5), percentile(samples, 0.99)].map((ms) => ms.toFixed(2));
  row(inFlight, rate.toFixed(0), ...times, ...[sum, ...each].map((ms) => ms.toFixed(3)));
}
worker.disconnect();
await once(worker, 'exit');
await queue.close();
