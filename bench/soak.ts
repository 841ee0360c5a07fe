/**
 * `npm run soak [-- --images 50000]`: small images of many sizes through one gateway and one worker, as `npm start` runs them; prints the resident
 * memory of each process on the way. Memory swings with garbage collections, some of them minutes apart, so two stretches of the run are
 * compared by their median and peak: from the first tenth to the half, and as many images at the end. Fails when gateway or worker use over
 * 5 % more in the second, or when an image does not come back with its face. The minimum is printed, too: it is the memory after a
 * full collection in the stretch, and means nothing when there was none.
 */
import { createClient } from '@facequeue/client';
import { scene } from '../test/support/fixtures/index.ts';
import { ROLES, type Role, roleOf } from '../test/support/processes/process-role.ts';
import { descendants, residentBytes } from '../test/support/processes/process-table.ts';
import { startService } from '../test/support/processes/service.ts';
import { machine } from './support/machine.ts';
import { numberOption, readOptions } from './support/options.ts';

const values = readOptions(
  'npm run soak --',
  'Many small images through one gateway and one worker: whether their memory grows.',
  {
    images: { default: '50000', help: 'number of images' },
  },
);
const images = numberOption('images', values.images, 100);

const LANES = 8;
const MAX_GROWTH = 0.05;
/** Lines of the table. */
const LINES = 10;
const SAMPLE_EVERY_MS = 500;
/** The stretches that are compared, as shares of all images. */
const STRETCHES = { early: [0.1, 0.5], late: [0.6, 1] } as const;
const PICTURES = 50;
/** px: one face nearly fills it. */
const SIDE = 128;

const pictures = await Promise.all(
  Array.from(
    { length: PICTURES },
    async (_, i) => (await scene({ faces: 1, width: SIDE + 2 * i, height: SIDE })).bytes,
  ),
);
// A minute: the results in Redis reach their full size in the first tenths.
await using service = await startService({ LOG_LEVEL: 'warn', RESULT_TTL: '1m' });
const client = createClient({ baseUrl: service.url });

/** Resident MB of each role now, all of its processes together. */
function residentMb(): Record<Role, number> {
  const mb = { gateway: 0, worker: 0, engine: 0, redis: 0 };
  for (const { pid, command } of descendants(service.pid)) {
    const role = roleOf(command);
    if (role) mb[role] += residentBytes(pid) / 1e6;
  }
  return mb;
}

const samples: { ended: number; mb: Record<Role, number> }[] = [];
const sampling = setInterval(() => samples.push({ ended, mb: residentMb() }), SAMPLE_EVERY_MS);

/** Minimum, median and peak MB of a role in a stretch of the run. */
function spread(role: Role, [from, to]: readonly [number, number]): { min: number; median: number; peak: number } {
  const stretch = samples.filter((sample) => sample.ended > from * images && sample.ended <= to * images);
  const sorted = stretch.map(({ mb }) => mb[role]).sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return { min: at(0), median: at(sorted.length >> 1), peak: at(sorted.length - 1) };
}

console.log(`${machine()}\n${images} JPEGs of ${SIDE} to ${SIDE + 2 * PICTURES} px, ${LANES} callers\n`);
console.log('| images | seconds | gateway MB | worker MB | engines MB | Redis MB |\n|---|---|---|---|---|---|');
const startedAt = performance.now();
let sent = 0;
let ended = 0;
const lane = async () => {
  while (sent < images) {
    const picture = pictures[sent++ % PICTURES]!;
    const { Faces } = await client.detect({ bytes: new Uint8Array(picture) });
    if (Faces.length !== 1) throw new Error(`an image came back with ${Faces.length} faces`);
    ended++;
    if (ended % Math.ceil(images / LINES) === 0 || ended === images) {
      const stretch = [ended / images - 1 / LINES, ended / images] as const;
      const line = ROLES.map((role) => spread(role, stretch).median.toFixed(1));
      console.log(`| ${ended} | ${((performance.now() - startedAt) / 1000).toFixed(0)} | ${line.join(' | ')} |`);
    }
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
clearInterval(sampling);

console.log(`\n${(images / ((performance.now() - startedAt) / 1000)).toFixed(1)} images/s\n`);
console.log('| MB | min | median | peak | min late | median late | peak late | median grew | peak grew |');
console.log('|---|---|---|---|---|---|---|---|---|');
for (const role of ['gateway', 'worker', 'engine'] as const) {
  const [early, late] = [spread(role, STRETCHES.early), spread(role, STRETCHES.late)];
  const cells = [early, late].flatMap(({ min, median, peak }) => [min, median, peak].map((mb) => mb.toFixed(1)));
  const grown = (['median', 'peak'] as const).map((which) => {
    const growth = late[which] / early[which] - 1;
    // Not a number: there was no sample, so nothing is shown.
    if (!(growth <= MAX_GROWTH) && role !== 'engine') process.exitCode = 1;
    return `${(growth * 100).toFixed(1)} %`;
  });
  console.log(`| ${[role, ...cells, ...grown].join(' | ')} |`);
}
