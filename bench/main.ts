/**
 * `npm run bench [-- --seconds 12]`: what an image costs, stage by stage; how fast the service answers, and how much of
 * the engines' own speed is left after HTTP and queue; how soon it is ready and what it holds in memory.
 */
import { parseArgs } from 'node:util';
import { scene } from '../test/support/fixtures/index.ts';
import { machine } from './machine.ts';
import { footprint, serviceFigures } from './service.ts';
import { stageCosts } from './stages.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '12' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds is ${values.seconds}; expected a number above 0`);

const figure = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const row = (...cells: (string | number)[]) =>
  console.log(`| ${cells.map((cell) => (typeof cell === 'number' ? figure(cell) : cell)).join(' | ')} |`);

// One face about 300 px high before a photograph without faces, so that decoding costs what it costs for a photograph.
const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
console.log(`${machine()}\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB\n`);

console.log('CPU-ms an image, one thread, without service:');
row('profile', 'decode', 'detect', 'landmarks', 'attributes', 'all told');
for (const { profile, decode, detect, landmarks, attributes, total } of await stageCosts(bytes, 30))
  row(profile, decode, detect, landmarks, attributes, total);

console.log('\nThrough HTTP and queue (8 callers; 1 for latency) against the engines alone:');
row('profile', 'p50 ms', 'p95 ms', 'images/s', 'engines alone', 'ratio', 'CPU-ms an image');
for (const profile of ['balanced', 'fast'] as const) {
  const figures = await serviceFigures(bytes, profile, seconds);
  const cpu = Object.entries(figures.cpu).map(([room, ms]) => `${room} ${figure(ms)}`);
  row(profile, figures.latencyP50, figures.latencyP95, figures.service, figures.engines, figures.ratio, cpu.join(', '));
}

const { readySeconds, resident } = await footprint(bytes, 400);
console.log(`\nWarm start to ready: ${figure(readySeconds)} s`);
const held = Object.entries(resident).map(([room, mb]) => `${room} ${Math.round(mb)}`);
console.log(`Resident MB after 400 images, one engine: ${held.join(', ')}`);
console.log(`Worker parent and its engine: ${Math.round(resident['worker']! + resident['engines']!)} MB`);
