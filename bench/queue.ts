/**
 * `npm run bench -- queue [--seconds 5 --in-flight 64 --bytes 500000]`: what the queue costs per job. No-op jobs through submit, claim, start, finish
 * and wait; gateway, worker and Redis each in a process. CPU-ms are user + system time; trust those and ratios, not wall times.
 */
import { BenchQueue } from './support/bench-queue.ts';
import { machine } from './support/machine.ts';
import { readOptions } from './support/options.ts';
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
const bytes = Number(values.bytes);
const image = bytes ? Buffer.alloc(bytes, 1) : undefined;

await using bench = await BenchQueue.open();
await bench.startWorker();
const oneJob = () => bench.runJob({ bytes: image });

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
console.log(`${machine()}\nNo-op jobs of ${bytes} image bytes\n`);
row('in flight', 'jobs/s', 'p50 ms', 'p99 ms', 'CPU-ms per job', 'gateway', 'worker', 'Redis');
await load(16, 1000, oneJob);
for (const inFlight of [1, Number(values['in-flight'])]) {
  const before = await bench.cpuMs();
  const { samples, rate } = await load(inFlight, Number(values.seconds) * 1000, oneJob);
  const after = await bench.cpuMs();
  const each = after.map((ms, i) => (ms - before[i]!) / samples.length);
  const sum = each.reduce((total, ms) => total + ms, 0);
  const times = [percentile(samples, 0.5), percentile(samples, 0.99)].map((ms) => ms.toFixed(2));
  row(inFlight, rate.toFixed(0), ...times, ...[sum, ...each].map((ms) => ms.toFixed(3)));
}
