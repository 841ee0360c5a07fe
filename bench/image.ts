/**
 * `npm run bench [-- --seconds 12]`: the cost of an image, stage by stage; how fast the service answers, and its throughput as a share of
 * that of the engines alone; start-up time and resident memory.
 */
import { scene } from '../test/support/fixtures/index.ts';
import { footprint, serviceFigures } from './image-service.ts';
import { stageCosts } from './image-stages.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';

const values = readOptions(
  'npm run bench --',
  'What an image costs, stage by stage; how fast the service answers; memory and start-up time.',
  {
    seconds: { default: '12', help: 'duration of each measurement, seconds' },
  },
);
const seconds = numberOption('seconds', values.seconds, 0.1, MAX_SECONDS);

const figure = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const row = (...cells: (string | number)[]) =>
  console.log(`| ${cells.map((cell) => (typeof cell === 'number' ? figure(cell) : cell)).join(' | ')} |`);

// One face about 300 px high on a photograph without faces, so that decoding costs as much as for a photograph.
const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
console.log(`${machine()}\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB\n`);

console.log('CPU-ms per image, one thread, pipeline alone:');
row('profile', 'decode', 'detect', 'landmarks', 'attributes', 'total');
for (const { profile, decode, detect, landmarks, attributes, total } of await stageCosts(bytes, 30))
  row(profile, decode, detect, landmarks, attributes, total);

console.log('\nThrough HTTP and queue (8 callers; 1 for latency) against the engines alone:');
row('profile', 'p50 ms', 'p95 ms', 'images/s', 'engines alone', 'ratio', 'CPU-ms per image');
for (const profile of ['balanced', 'fast'] as const) {
  const figures = await serviceFigures(bytes, profile, seconds);
  const cpu = Object.entries(figures.cpu).map(([role, ms]) => `${role} ${figure(ms)}`);
  row(profile, figures.latencyP50, figures.latencyP95, figures.service, figures.engines, figures.ratio, cpu.join(', '));
}

const { readySeconds, resident } = await footprint(bytes, 400);
console.log(`\nWarm start to ready: ${figure(readySeconds)} s`);
const retained = Object.entries(resident).map(([role, mb]) => `${role} ${Math.round(mb)}`);
console.log(`Resident MB after 400 images, one engine: ${retained.join(', ')}`);
console.log(`Worker and its engine: ${Math.round(resident['worker']! + resident['engines']!)} MB`);
