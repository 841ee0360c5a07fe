/**
 * `npm run bench -- camera-costs [--cameras 1000 --fps 100 --seconds 10 --bytes 100000]`: what cameras cost. Redis' memory for each idle camera and each
 * name of which no frame could be decoded, and CPU-ms for each frame while few and many cameras post at the same rate. No-op jobs; gateway, worker and Redis each in a
 * process. CPU-ms are user + system time; trust those and ratios, not wall times.
 */
import { newJobId } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { sleep } from '@facequeue/time';
import { BenchQueue } from './support/bench-queue.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { info } from './support/redis-info.ts';
import { percentile } from './support/statistics.ts';

const values = readOptions(
  'npm run bench -- camera-costs',
  'What idle and busy cameras cost in Redis: memory for each camera, CPU time for each frame.',
  {
    cameras: { default: '1000', help: 'number of cameras' },
    fps: { default: '100', help: 'frames per second of all cameras together' },
    seconds: { default: '10', help: 'duration of each measurement' },
    bytes: { default: '100000', help: 'size of a frame' },
  },
);
const many = numberOption('cameras', values.cameras, 17);
const fps = numberOption('fps', values.fps, 1);
const seconds = numberOption('seconds', values.seconds, 1, MAX_SECONDS);
const bytes = Buffer.alloc(numberOption('bytes', values.bytes, 1), 1);
const FEW = 16;

// The records of frames are gone before memory is read.
await using bench = await BenchQueue.open({ resultTtlMs: 1000, maxCameras: 2 * many });
const { queue, redis } = bench;

async function post(camera: string, frame: Uint8Array): Promise<string> {
  const id = newJobId();
  const more = { owner: 'bench', requestId: 'bench', options: DEFAULT_DETECTION_OPTIONS, takenAt: null };
  await queue.cameras.submit({ id, camera, bytes: frame, keep: 'latest', startTimeoutMs: 60e3, ...more });
  return id;
}

const memory = async () => Number(await info(redis.port, 'memory', 'used_memory'));
async function settled(): Promise<number> {
  for (let jobs = -1; jobs !== 0; await sleep(500)) {
    const { queues } = await queue.snapshot();
    jobs = queues.cameras.waiting + queues.cameras.processing;
  }
  await sleep(3000);
  return memory();
}

const name = (i: number) => `camera-${i}`;
const all = Array.from({ length: many }, (_, i) => i);
const empty = await settled();
// Without a worker every frame waits; canceled, it leaves a name of which nothing could be decoded.
for (const i of all) await queue.cancel(await post(name(i), Buffer.of(1)));
const names = await settled();
await bench.startWorker();
await settled();
const before = await memory();
for (const i of all) await post(name(i), Buffer.of(1));
const decoded = await settled();

/** Posts at a steady rate, the cameras by turns. @returns CPU-ms a frame, each process; ms of each post */
async function busy(cameras: number): Promise<{ each: number[]; latencies: number[] }> {
  const frames = Math.round(fps * seconds);
  const latencies: number[] = [];
  const start = await bench.cpuMs();
  const startedAt = performance.now();
  const posts: Promise<void>[] = [];
  for (let i = 0; i < frames; i++) {
    await sleep(Math.max(0, startedAt + (i * 1000) / fps - performance.now()));
    const at = performance.now();
    posts.push(post(name(i % cameras), bytes).then(() => void latencies.push(performance.now() - at)));
  }
  await Promise.all(posts);
  await settled();
  const end = await bench.cpuMs();
  return { each: end.map((ms, i) => (ms - start[i]!) / frames), latencies };
}

/** CPU-ms a second while nothing is posted. */
async function idle(): Promise<number> {
  const start = await bench.cpuMs();
  await sleep(seconds * 1000);
  return ((await bench.cpuMs())[2]! - start[2]!) / seconds;
}

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
console.log(`${machine()}\n`);
const kB = (difference: number) => (difference / many / 1000).toFixed(2);
console.log(
  `Redis memory: ${kB(names - empty)} kB for a name without a decoded frame, ${kB(decoded - before)} kB more for`,
);
console.log(`a camera that has had one, its result of 600 bytes included; ${many} cameras\n`);
console.log(`Redis while ${many} cameras are idle: ${(await idle()).toFixed(1)} CPU-ms a second\n`);
row('cameras', 'frames/s', 'p50 ms', 'p99 ms', 'CPU-ms per frame', 'gateway', 'worker', 'Redis');
for (const cameras of [FEW, many]) {
  const { each, latencies } = await busy(cameras);
  const total = each.reduce((sum, ms) => sum + ms, 0);
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  row(cameras, fps, p50.toFixed(1), p99.toFixed(1), total.toFixed(2), ...each.map((ms) => ms.toFixed(2)));
}
