/**
 * `npm run soak [-- --images 50000]`: small images of many sizes through one gateway and one worker, as `npm start` runs them; prints the resident memory
 * of each process on the way. Memory swings with garbage collections, some of them minutes apart, so two stretches of the run are compared, each by the
 * median and the most that was resident in it: from the first tenth to the half, and as many images at the end. Fails when gateway or worker
 * hold over 5 % more in the second, or when an image does not come back with its face. The least is printed beside them: it is what was left by
 * whatever full collection fell into a stretch, and says nothing where none did.
 */
import { parseArgs } from 'node:util';
import { createClient } from '@facequeue/client';
import { scene } from '../test/support/fixtures/index.ts';
import { ROLES, type Role, roleOf } from '../test/support/processes/process-role.ts';
import { descendants, residentBytes } from '../test/support/processes/process-table.ts';
import { startService } from '../test/support/processes/service.ts';
import { machine } from './machine.ts';
import { numberOption } from './options.ts';

const { values } = parseArgs({ options: { images: { type: 'string', default: '50000' } } });
const images = numberOption('images', values.images, 100);

const LANES = 8;
const MOST_GROWTH = 0.05;
/** Lines of the table. */
const LINES = 10;
const LOOK_MS = 500;
/** What is compared, as shares of all images. */
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
// A minute: what Redis keeps reaches its full size within the first tenths.
await using service = await startService({ LOG_LEVEL: 'warn', RESULT_TTL: '1m' });
const client = createClient({ baseUrl: service.url });

/** MB that the processes of each role hold now, all of its processes together. */
function held(): Record<Role, number> {
  const mb = { gateway: 0, worker: 0, engine: 0, redis: 0 };
  for (const { pid, command } of descendants(service.pid)) {
    const role = roleOf(command);
    if (role) mb[role] += residentBytes(pid) / 1e6;
  }
  return mb;
}

const looks: { ended: number; mb: Record<Role, number> }[] = [];
const looking = setInterval(() => looks.push({ ended, mb: held() }), LOOK_MS);

/** Least, median and most that a role held while images from one share of all to another ended, MB. */
function spread(role: Role, [from, to]: readonly [number, number]): { least: number; usual: number; most: number } {
  const within = looks.filter((look) => look.ended > from * images && look.ended <= to * images);
  const sorted = within.map(({ mb }) => mb[role]).sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return { least: at(0), usual: at(sorted.length >> 1), most: at(sorted.length - 1) };
}

console.log(`${machine()}\n${images} JPEGs of ${SIDE} to ${SIDE + 2 * PICTURES} px, ${LANES} callers\n`);
console.log('| images | seconds | gateway MB | worker MB | engines MB | Redis MB |\n|---|---|---|---|---|---|');
const began = performance.now();
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
      const line = ROLES.map((role) => spread(role, stretch).usual.toFixed(1));
      console.log(`| ${ended} | ${((performance.now() - began) / 1000).toFixed(0)} | ${line.join(' | ')} |`);
    }
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
clearInterval(looking);

console.log(`\n${(images / ((performance.now() - began) / 1000)).toFixed(1)} images/s\n`);
console.log('| MB | least | median | most | least late | median late | most late | median grew | most grew |');
console.log('|---|---|---|---|---|---|---|---|---|');
for (const role of ['gateway', 'worker', 'engine'] as const) {
  const [early, late] = [spread(role, STRETCHES.early), spread(role, STRETCHES.late)];
  const cells = [early, late].flatMap(({ least, usual, most }) => [least, usual, most].map((mb) => mb.toFixed(1)));
  const grown = (['usual', 'most'] as const).map((which) => {
    const growth = late[which] / early[which] - 1;
    // Not a number: nothing was looked at, and nothing is shown by it.
    if (!(growth <= MOST_GROWTH) && role !== 'engine') process.exitCode = 1;
    return `${(growth * 100).toFixed(1)} %`;
  });
  console.log(`| ${[role, ...cells, ...grown].join(' | ')} |`);
}
