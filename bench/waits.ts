/**
 * `npm run bench -- waits [--waits 10000 --how poll|prefer|events]`: what waiting callers cost a gateway. N callers wait for N jobs, then all jobs
 * end; every caller must get its result. Gateway and Redis each in a process, callers and worker in this one. CPU-ms are user + system
 * time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { openFilesLimit } from '@facequeue/metrics';
import { newJobId, openGatewayQueue, openWorkerQueue, UNLIMITED } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS, type JobResource } from '@facequeue/schema';
import { CANNED_OUTCOME } from '../test/support/gateway/index.ts';
import { cpuMs, residentBytes } from '../test/support/processes/process-table.ts';
import { startRedis } from '../test/support/redis/test-redis.ts';
import { machine } from './support/machine.ts';
import { readOptions } from './support/options.ts';
import { percentile } from './support/statistics.ts';

const values = readOptions('npm run bench -- waits', 'What waiting callers cost a gateway.', {
  waits: { default: '10000', help: 'number of callers' },
  how: { default: 'poll', help: 'poll (GET /jobs/{id}?wait), prefer (POST with Prefer: wait) or events' },
});
const waits = Number(values.waits);
const { how } = values;
if (!(waits > 0)) throw new Error(`--waits is ${values.waits}; expected a number above 0`);
if (how !== 'poll' && how !== 'prefer' && how !== 'events') throw new Error('--how is poll, prefer or events');
const limit = openFilesLimit() ?? Number.POSITIVE_INFINITY;
if (limit < waits + 100) throw new Error(`${limit} open files are allowed (ulimit -n); expected ${waits + 100}`);

const PREFIX = '{fq-bench}';
/** Requests being sent at a time: no listen queue holds ten thousand connections. */
const LANES = 64;
/** Source addresses of the callers: one has about 28 000 ports. */
const ADDRESSES = 8;

process.env['TEST_REDIS'] ??= 'local';
await using redis = await startRedis();
const gateway = fork(fileURLToPath(new URL('../apps/api/src/main.ts', import.meta.url)), [], {
  env: {
    PATH: process.env['PATH'],
    REDIS_URL: redis.url,
    QUEUE_PREFIX: PREFIX,
    PORT: '0',
    LOG_LEVEL: 'warn',
    MAX_WAITING_JOBS: String(waits * 2),
    MAX_OPEN_WAITS: String(waits * 2),
    MAX_STREAMS: String(waits * 2),
    MAX_CONNECTIONS: String(waits * 2 + 16),
    MAX_OLDEST: '1h',
    START_WITHIN: '1h',
    SHUTDOWN_GRACE: '1s',
  },
});
const [{ url }] = (await once(gateway, 'message')) as [{ url: string }];
const pid = gateway.pid!;
const onError = (error: Error) => console.error(error.message);
const queue = await openGatewayQueue({
  url: redis.url,
  prefix: PREFIX,
  limits: { maxWaiting: waits * 2, maxBlobBytes: 1e9, maxResultBytes: 1e9, maxOldestMs: 3600e3 },
  resultTtlMs: 3600e3,
  batchTtlMs: 3600e3,
  onError,
});
const work = await openWorkerQueue({ url: redis.url, prefix: PREFIX, maxAttempts: 5, limits: UNLIMITED, onError });

const agents = Array.from(
  { length: ADDRESSES },
  (_, i) => new Agent({ keepAlive: true, localAddress: `127.0.0.${i + 1}` }),
);
const endedAt = new Map<string, number>();
const latencies: number[] = [];
let polls = 0;

/** One caller, from its request to its result. Calls `sent` when its request has been sent. */
async function caller(index: number, id: string | null, sent: () => void): Promise<void> {
  for (;;) {
    const call = ask(index, id);
    call.once('finish', () => call.socket?.connecting === false && sent());
    call.once('socket', (socket) => socket.once('connect', sent));
    polls++;
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const text = Buffer.concat(await response.toArray()).toString();
    const now = performance.now();
    if (response.statusCode !== 200) throw new Error(`the gateway answered ${response.statusCode}: ${text}`);
    if (how === 'poll' && (JSON.parse(text) as JobResource).status === 'queued') continue;
    if (!text.includes('"landmark_106"')) throw new Error(`no faces in ${text.slice(0, 200)}`);
    latencies.push(now - endedAt.get(id ?? String(response.headers['x-job-id']))!);
    return;
  }
}

function ask(index: number, id: string | null): ClientRequest {
  const agent = agents[index % ADDRESSES]!;
  if (id !== null) return request(`${url}/jobs/${id}${how === 'poll' ? '?wait=60' : '/events'}`, { agent }).end();
  const headers = { 'content-type': 'image/png', prefer: 'wait=60' };
  const call = request(`${url}/face_detection`, { agent, method: 'POST', headers });
  call.end(String(index));
  return call;
}

async function submit(): Promise<string> {
  const id = newJobId();
  await queue.submit({
    id,
    queue: 'interactive',
    source: { kind: 'url', url: 'https://example.com/picture.jpg' },
    options: DEFAULT_DETECTION_OPTIONS,
    requestId: 'bench',
    owner: '',
    startTimeoutMs: 3600e3,
  });
  return id;
}

/** Runs `task` for 0 to n-1, LANES at a time. */
async function spread(n: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < n) await task(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
const megabytes = () => (residentBytes(pid) / 1e6).toFixed(0);
let before = { cpu: cpuMs(pid), at: performance.now() };
function report(what: string): void {
  const now = { cpu: cpuMs(pid), at: performance.now() };
  row(what, ((now.at - before.at) / 1000).toFixed(1), megabytes(), now.cpu - before.cpu);
  before = now;
}

console.log(`${machine()}\n${waits} callers wait at once (${how})\n`);
row('', 's', 'gateway MB', 'gateway CPU-ms');
row('---', '---', '---', '---');
const ids: string[] = [];
if (how !== 'prefer') await spread(waits, async () => void ids.push(await submit()));
report('started');

const callers: Promise<void>[] = [];
await spread(waits, async (index) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const call = caller(index, ids[index] ?? null, resolve);
  callers.push(call);
  await Promise.race([promise, call]);
});
// When this is answered, the gateway has read the requests before it and queued the posted jobs.
await (await fetch(`${url}/livez`)).text();
const deadline = performance.now() + 60_000;
while ((await queue.snapshot()).queues.interactive.waiting < waits) {
  if (performance.now() > deadline) throw new Error('not all jobs are in the queue after a minute');
}
report('all waiting');

// Delivered by the queue as to any worker.
const consumer = await work.consume('interactive', { concurrency: LANES }, async (id) => {
  const job = await work.claim(id, 'bench');
  if (!job) return;
  await work.start(job.id, job.attempt);
  endedAt.set(job.id, performance.now());
  await work.finish(job.id, job.attempt, CANNED_OUTCOME);
});
const outcomes = await Promise.allSettled(callers);
report('all answered');

const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
for (const { reason } of failures.slice(0, 5)) console.error(reason);
console.log(`\n${waits - failures.length} of ${waits} callers got their result, in ${polls} requests`);
const [p50, p99, worst] = [0.5, 0.99, 1].map((p) => percentile(latencies, p).toFixed(0));
console.log(`From the end of a job to its caller: p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms`);

for (const agent of agents) agent.destroy();
await consumer.close();
await work.close();
await queue.close();
gateway.kill('SIGTERM');
await once(gateway, 'exit');
if (failures.length > 0 || latencies.length !== waits) process.exitCode = 1;
