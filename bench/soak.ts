/**
 * `npm run soak [-- --images 50000]`: small images of many sizes through one gateway and one worker, as `npm start` runs them; prints the resident memory
 * of each process on the way. Fails when gateway or worker hold over 5 % more at the end than after the first tenth (asked of 50 000:
 * after the first 5000), or when an image does not come back with its face.
 */
import { parseArgs } from 'node:util';
import { createClient } from '@facequeue/client';
import { scene } from '../test/support/fixtures/index.ts';
import { descendants, residentBytes } from '../test/support/processes.ts';
import { startService } from '../test/support/service.ts';
import { machine } from './machine.ts';
import { numberOption } from './options.ts';

const { values } = parseArgs({ options: { images: { type: 'string', default: '50000' } } });
const images = numberOption('images', values.images, 100);

const LANES = 8;
const MOST_GROWTH = 0.05;
/** Lines of the table. */
const LINES = 10;
/** Memory swings with each garbage collection: a line is the median of so many looks, one every LOOK_MS. */
const LOOKS = 21;
const LOOK_MS = 250;
const PICTURES = 50;
/** px: one face nearly fills it. */
const SIDE = 128;
const ROLES = {
  gateway: 'api/src/main.ts',
  worker: 'worker/src/main.ts',
  engine: 'engine/main.ts',
  redis: 'redis-server',
};
type Role = keyof typeof ROLES;

const pictures = await Promise.all(
  Array.from(
    { length: PICTURES },
    async (_, i) => (await scene({ faces: 1, width: SIDE + 2 * i, height: SIDE })).bytes,
  ),
);
// A minute: what is kept reaches its full size long before the first tenth is over.
await using service = await startService({ LOG_LEVEL: 'warn', RESULT_TTL: '1m' });
const client = createClient({ baseUrl: service.url });

/** MB that the processes of each role hold now, all of its processes together. */
function held(): Record<Role, number> {
  const mb = { gateway: 0, worker: 0, engine: 0, redis: 0 };
  for (const { pid, command } of descendants(service.pid)) {
    const role = (Object.keys(ROLES) as Role[]).find((name) => command.includes(ROLES[name]));
    if (role) mb[role] += residentBytes(pid) / 1e6;
  }
  return mb;
}

const looks: Record<Role, number>[] = [];
const looking = setInterval(() => {
  looks.push(held());
  if (looks.length > LOOKS) looks.shift();
}, LOOK_MS);
const usual = (role: Role) => looks.map((look) => look[role]).sort((a, b) => a - b)[looks.length >> 1] ?? 0;

console.log(`${machine()}\n${images} JPEGs of ${SIDE} to ${SIDE + 2 * PICTURES} px, ${LANES} callers\n`);
console.log('| images | seconds | gateway MB | worker MB | engines MB | Redis MB |\n|---|---|---|---|---|---|');
const began = performance.now();
let sent = 0;
let ended = 0;
const lines: Record<Role, number>[] = [];
const lane = async () => {
  while (sent < images) {
    const picture = pictures[sent++ % PICTURES]!;
    const { Faces } = await client.detect({ bytes: new Uint8Array(picture) });
    if (Faces.length !== 1) throw new Error(`an image came back with ${Faces.length} faces`);
    ended++;
    if (ended % Math.ceil(images / LINES) === 0 || ended === images) {
      const line = {
        gateway: usual('gateway'),
        worker: usual('worker'),
        engine: usual('engine'),
        redis: usual('redis'),
      };
      lines.push(line);
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      console.log(
        `| ${ended} | ${seconds} | ${Object.values(line)
          .map((mb) => mb.toFixed(1))
          .join(' | ')} |`,
      );
    }
  }
};
await Promise.all(Array.from({ length: LANES }, lane));
clearInterval(looking);

const [first, last] = [lines[0]!, lines.at(-1)!];
console.log(`\n${(images / ((performance.now() - began) / 1000)).toFixed(1)} images/s`);
for (const role of ['gateway', 'worker', 'engine'] as const) {
  const growth = last[role] / first[role] - 1;
  console.log(`${role}: ${(growth * 100).toFixed(1)} % from the first line to the last`);
  if (growth > MOST_GROWTH && role !== 'engine') process.exitCode = 1;
}
