/**
 * `npm run bench -- large-images [--profile small-faces]`: the largest pictures of every kind that are accepted, each in an engine that
 * has just started: peak memory, memory afterwards, and CPU time.
 */
import { fileURLToPath } from 'node:url';
import { DEFAULT_DETECTION_OPTIONS, PROFILES } from '@facequeue/schema';
import { createLogger } from '@facequeue/service';
import { engineEnvironment } from '../apps/worker/src/config.ts';
import { Engine } from '../apps/worker/src/engines/engine.ts';
import { engineLauncher } from '../apps/worker/src/engines/launcher.ts';
import { type LargePicture, largestPictures } from '../test/support/fixtures/largest.ts';
import { cpuMs, peakBytes, residentBytes } from '../test/support/processes/process-table.ts';
import { machine } from './support/machine.ts';
import { readOptions } from './support/options.ts';

const values = readOptions(
  'npm run bench -- large-images',
  'The largest pictures of every kind: memory and CPU time of an engine.',
  { profile: { default: 'small-faces', help: `${PROFILES.join(', ')}` } },
);
const profile = PROFILES.find((name) => name === values.profile);
if (!profile) throw new Error(`--profile is ${values.profile}; expected one of ${PROFILES.join(', ')}`);

const TIME_LIMIT = { baseMs: 600_000, megapixelMs: 0, maxPixels: 1, faceMs: 0 };
const IDS = { job_id: 'bench', request_id: 'bench' };
const MB = 1e6;

console.log(`${machine()}\nprofile ${profile}; one engine, on the CPU\n`);
console.log('| picture | px | MB | peak MB | MB afterwards | CPU-ms | of it decoding |');
console.log('|---|---|---|---|---|---|---|');
let most = 0;
for (const picture of largestPictures('no-face-coffee.png')) most = Math.max(most, await measure(picture));
console.log(`\nMost: ${Math.round(most / MB)} MB`);

/** @returns the most that was resident, bytes */
async function measure({ name, width, height, make }: LargePicture): Promise<number> {
  const bytes = new Uint8Array(await make());
  const { signal } = new AbortController();
  const engine = await Engine.start(
    {
      module: fileURLToPath(new URL('../apps/worker/src/engines/main.ts', import.meta.url)),
      settings: { device: 'cpu' },
      env: engineEnvironment(),
      launcher: engineLauncher(),
    },
    signal,
    createLogger('bench', 'silent'),
  );
  try {
    const before = cpuMs(engine.pid);
    const options = { ...DEFAULT_DETECTION_OPTIONS, profile: profile! };
    const { timings } = await engine.detect({ bytes, options }, TIME_LIMIT, signal, IDS);
    const cpu = cpuMs(engine.pid) - before;
    const peak = peakBytes(engine.pid);
    const cells = [
      name,
      `${width} x ${height}`,
      (bytes.length / MB).toFixed(1),
      Math.round(peak / MB),
      Math.round(residentBytes(engine.pid) / MB),
      cpu,
      Math.round(timings.decode!),
    ];
    console.log(`| ${cells.join(' | ')} |`);
    return peak;
  } finally {
    engine.kill();
    await engine.ended;
  }
}
