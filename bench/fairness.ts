/**
 * `npm run bench -- fairness [--seconds 30 --connections 60 --jobs 400]`: what one caller's flood costs another, and what turns cost one that is
 * alone. Prints the latency of one call a second alone, beside so many connections of another key, and beside so many of its waiting
 * jobs; then the queue's throughput of no-op jobs without turns, and with turns for one flow and for two.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createClient } from '@facequeue/client';
import { Redis } from 'ioredis';
import { scene } from '../test/support/fixtures/index.ts';
import { apiKeys, keyOf } from '../test/support/gateway/api-keys.ts';
import { startService } from '../test/support/processes/service.ts';
import { BenchQueue } from './support/bench-queue.ts';
import type { FloodCounts, FloodOptions } from './support/flood-thread.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { load, median, percentile } from './support/statistics.ts';

const values = readOptions('npm run bench -- fairness', "One caller's calls beside another's flood.", {
  seconds: { default: '30', help: 'duration of each measurement, seconds' },
  connections: { default: '60', help: 'connections of the flood, each with one call after another' },
  jobs: { default: '400', help: 'waiting jobs of the flood' },
});
const ms = numberOption('seconds', values.seconds, 1, MAX_SECONDS) * 1000;
const connections = numberOption('connections', values.connections);
const jobs = numberOption('jobs', values.jobs);

/** Repetitions of the queue's measurements, which alternate: the machine may be busy with something else for a while. */
const REPETITIONS = 9;
const IN_FLIGHT = 64;

const row = (...cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`);
console.log(machine());
await latencies();
await throughput();

async function latencies(): Promise<void> {
  const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
  const image = { bytes: new Uint8Array(bytes) };
  await using service = await startService({
    LOG_LEVEL: 'warn',
    API_KEYS: apiKeys('flood', 'small'),
  });
  const [flood, small] = ['flood', 'small'].map((name) =>
    createClient({ baseUrl: service.url, apiKey: keyOf(name), retries: 0 }),
  ) as [ReturnType<typeof createClient>, ReturnType<typeof createClient>];
  const eachSecond = async (goesOn: () => boolean | Promise<boolean>) => {
    const samples: number[] = [];
    while (await goesOn()) {
      const start = performance.now();
      await small.detect(image);
      samples.push(performance.now() - start);
      await sleep(Math.max(0, 1000 - (performance.now() - start)));
    }
    return samples;
  };
  const forMs = () => {
    const until = performance.now() + ms;
    return () => performance.now() < until;
  };

  await load(availableParallelism(), ms / 4, () => small.detect(image));
  const alone = await eachSecond(forMs());
  const report = (name: string, outcome: string, samples: number[]) => {
    const [p50, p95] = [median(samples), percentile(samples, 0.95)];
    const ratios = [p50 / median(alone), p95 / percentile(alone, 0.95)].map((ratio) => ratio.toFixed(2));
    row(name, outcome, samples.length, p50.toFixed(), p95.toFixed(), ...ratios);
  };
  console.log(`\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB, a call a second\n`);
  row('beside', 'flood', 'calls', 'p50 ms', 'p95 ms', 'ratio of p50', 'ratio of p95');
  console.log('|---|---|---|---|---|---|---|');
  report('nothing', '', alone);

  const workerData: FloodOptions = { baseUrl: service.url, apiKey: keyOf('flood'), bytes: image.bytes, connections };
  const flooding = new Worker(new URL('./support/flood-thread.ts', import.meta.url), { workerData });
  // It must have filled the queue before the first call.
  await sleep(2000);
  const beside = await eachSecond(forMs());
  flooding.postMessage('end');
  const [{ succeeded, refused }] = (await once(flooding, 'message')) as [FloodCounts];
  report(`${connections} connections`, `${succeeded} answered, ${refused} refused`, beside);

  const ids: string[] = [];
  const submissions = Array.from({ length: 16 }, async (_, lane) => {
    for (let i = lane; i < jobs; i += 16) ids.push((await flood.submit(image)).id);
  });
  await Promise.all(submissions);
  const waiting = async () => (await flood.job(ids.at(-1)!)).status === 'queued';
  report(`${jobs} jobs`, 'until the last one runs', await eachSecond(waiting));
}

async function throughput(): Promise<void> {
  await using bench = await BenchQueue.open();
  await bench.startWorker();
  const { prefix } = bench;
  const raw = new Redis(bench.redis.url);
  let count = 0;
  const oneJob = (flows: number) => bench.runJob({ flow: `flow-${count++ % flows}` });
  const setFair = async (on: boolean) => {
    // A worker of another release is seen: then there are no turns.
    if (on) await raw.hdel(`${prefix}:workers`, 'other');
    else await raw.hset(`${prefix}:workers`, 'other', `${Date.now() + 3_600_000} {}`);
    while (((await raw.hget(`${prefix}:stats`, 'unfair')) === null) !== on) await sleep(100);
  };

  const kinds = [
    { name: 'without turns', fair: false, flows: 1 },
    { name: 'turns, one flow', fair: true, flows: 1 },
    { name: 'turns, two flows', fair: true, flows: 2 },
  ].map((kind) => ({ ...kind, rates: [] as number[], cpu: [] as number[], commands: [] as number[] }));
  await load(16, 1000, () => oneJob(1));
  for (let round = 0; round < REPETITIONS; round++) {
    for (const { fair, flows, rates, cpu, commands } of round % 2 ? kinds.toReversed() : kinds) {
      await setFair(fair);
      const before = await bench.redisCpuMs();
      const commandsBefore = await bench.redisCommands();
      const { samples, rate } = await load(IN_FLIGHT, ms / REPETITIONS, () => oneJob(flows));
      rates.push(rate);
      cpu.push(((await bench.redisCpuMs()) - before) / samples.length);
      commands.push(((await bench.redisCommands()) - commandsBefore) / samples.length);
    }
  }
  console.log(`\nNo-op jobs, ${IN_FLIGHT} in flight; medians of ${REPETITIONS}\n`);
  row('', 'jobs/s', 'to without turns', 'Redis, CPU-ms a job', 'to without turns', 'Redis, commands a job');
  console.log('|---|---|---|---|---|---|');
  // Of each round: its measurements were made within seconds.
  const to = (own: number[], without: number[]) => median(own.map((each, round) => each / without[round]!)).toFixed(2);
  for (const { name, rates, cpu, commands } of kinds) {
    const ratios = [to(rates, kinds[0]!.rates), to(cpu, kinds[0]!.cpu)];
    row(name, median(rates).toFixed(), ratios[0]!, median(cpu).toFixed(3), ratios[1]!, median(commands).toFixed(1));
  }
  raw.disconnect();
}
