/**
 * `npm run bench -- kernels [--rounds 9]`: CPU time of each loop over pixels, with SIMD instructions, in plain TypeScript and, where it has
 * the same, by libvips.
 */
import sharp from 'sharp';
import { Arena, type Kernels } from '../packages/pipeline/src/pixels/index.ts';
import { photograph } from '../test/support/fixtures/index.ts';
import { withCpuMs } from './support/cpu-time.ts';
import { machine } from './support/machine.ts';
import { numberOption, readOptions } from './support/options.ts';
import { median } from './support/statistics.ts';

const values = readOptions(
  'npm run bench -- kernels',
  'The loops over pixels: with SIMD instructions, in plain TypeScript, by libvips.',
  {
    rounds: { default: '9', help: 'measurements of each, in turns; the medians are printed' },
  },
);
const rounds = numberOption('rounds', values.rounds, 1, 1000);
/** Runs of one measurement: the clock of the process ticks in milliseconds. */
const RUNS = 10;

sharp.concurrency(1);
sharp.cache(false);
const picture = await photograph('no-face-coffee.png', 1920, 1080);
const vips = () => sharp(picture.data, { raw: { width: 1920, height: 1080, channels: 3 } });
const samples = (size: number) => ({ left: 500, top: 300, cos: 1.7, sin: 0.3, size });

/** What a kernel does in an arena with a 1080p picture, and libvips for the same. */
interface Case {
  name: string;
  run: (kernels: Kernels, arena: Arena, image: ReturnType<Arena['adopt']>) => void;
  vips?: () => Promise<unknown>;
}

const resized = (width: number, height: number) => () =>
  vips().resize(width, height, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer();
const CASES: Case[] = [
  {
    name: 'shrink to 640 x 360',
    run: (kernels, arena, image) => kernels.shrink(image, arena.pixels({ width: 640, height: 360 })),
    vips: resized(640, 360),
  },
  {
    name: 'shrink to 1279 x 719',
    run: (kernels, arena, image) => kernels.shrink(image, arena.pixels({ width: 1279, height: 719 })),
    vips: resized(1279, 719),
  },
  {
    name: 'halve',
    run: (kernels, arena, image) => kernels.halve(image, arena.pixels({ width: 960, height: 540 })),
  },
  {
    name: 'turn by 90 degrees',
    run: (kernels, arena, image) => kernels.orient(image, arena.pixels({ width: 1080, height: 1920 }), 6),
    vips: () => vips().rotate(90).raw().toBuffer(),
  },
  {
    name: 'mirror',
    run: (kernels, arena, image) => kernels.orient(image, arena.pixels(image), 2),
    vips: () => vips().flop().raw().toBuffer(),
  },
  ...[192, 112].map((size) => ({
    name: `crop of ${size} px`,
    run: (kernels: Kernels, arena: Arena, image: ReturnType<Arena['adopt']>) =>
      kernels.warp(image, samples(size), arena.pixels({ width: size, height: size }).data),
  })),
];

console.log(`${machine()}\n1080p; CPU-ms, medians of ${rounds} rounds\n`);
console.log('| kernel | SIMD | plain | libvips |\n|---|---|---|---|');
const [quick, plain] = (['simd', 'plain'] as const).map((choice) => {
  const arena = new Arena(choice);
  return { arena, image: arena.adopt(picture) };
});
for (const { name, run, vips: byVips } of CASES) {
  const subjects = [
    ...[quick!, plain!].map(({ arena, image }) => () => {
      using _copy = arena.scope();
      run(arena.kernels, arena, image);
    }),
    ...(byVips ? [byVips] : []),
  ];
  const measured = subjects.map((): number[] => []);
  for (let round = -2; round < rounds; round++)
    for (const [i, subject] of subjects.entries()) {
      const { cpuMs } = await withCpuMs(async () => {
        for (let repeat = 0; repeat < RUNS; repeat++) await subject();
      });
      // The first rounds compile the loops.
      if (round >= 0) measured[i]!.push(cpuMs / RUNS);
    }
  const cells = [0, 1, 2].map((i) => (measured[i] ? median(measured[i]).toFixed(2) : ''));
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}
