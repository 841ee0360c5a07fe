/**
 * `npm run bench -- cameras [--cameras 16 --fps 5 --seconds 30 --max-age 2]`: cameras that post more frames than the worker can process. Prints
 * the outcomes of the frames, their age when an engine started them, and how evenly cameras shared the worker.
 */
import { createClient } from '@facequeue/client';
import { sleep } from '@facequeue/time';
import { scene } from '../test/support/fixtures/index.ts';
import { startService } from '../test/support/processes/service.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { median, percentile } from './support/statistics.ts';

const values = readOptions(
  'npm run bench -- cameras',
  'Cameras that post more frames than the worker can process: what became of the frames, and how old they were.',
  {
    cameras: { default: '16', help: 'number of cameras' },
    fps: { default: '5', help: 'frames per second of each camera' },
    seconds: { default: '30', help: 'duration' },
    'max-age': { default: '2', help: 'max_age of the frames, seconds' },
  },
);
const cameras = numberOption('cameras', values.cameras);
const everyMs = 1000 / numberOption('fps', values.fps, 0.1);
const ms = numberOption('seconds', values.seconds, 1, MAX_SECONDS) * 1000;
const maxAge = numberOption('max-age', values['max-age'], 0.05);

const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
await using service = await startService({ LOG_LEVEL: 'warn' });
const client = createClient({ baseUrl: service.url, retries: 0 });
const names = Array.from({ length: cameras }, (_, i) => `camera-${i}`);

const stop = new AbortController();
const ages: number[] = [];
const listening = names.map(async (name) => {
  try {
    for await (const { arrived_at: arrived, started_at: started } of client.frames(name, { signal: stop.signal })) {
      if (started) ages.push(Date.parse(started) - Date.parse(arrived));
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
});

const startedAt = performance.now();
await Promise.all(
  names.map(async (name, i) => {
    // Like real cameras: at the same rate, not at the same moment.
    for (let at = startedAt + (everyMs * i) / cameras; at < startedAt + ms; at += everyMs) {
      await sleep(Math.max(0, at - performance.now()));
      await client.postFrame(name, { bytes: new Uint8Array(bytes) }, { keep: 'latest', max_age: maxAge });
    }
  }),
);
let all = await client.cameras();
while (all.some(({ counts }) => counts.waiting + counts.processing > 0)) {
  await sleep(100);
  all = await client.cameras();
}
stop.abort();
await Promise.all(listening);

const total = { posted: 0, succeeded: 0, failed: 0, superseded: 0, expired: 0, canceled: 0 };
for (const { counts } of all) for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key];
const shares = all.map(({ counts }) => counts.succeeded);
const mean = total.succeeded / cameras;
const accounted = total.succeeded + total.failed + total.superseded + total.expired + total.canceled;
if (accounted !== total.posted) throw new Error(`${total.posted} posted, ${accounted} accounted for`);
console.log(
  `${machine()}\n${cameras} cameras, a 1080p JPEG of ${Math.round(bytes.length / 1000)} kB every ${everyMs} ms, keep=latest, max_age=${maxAge}\n`,
);
console.log(
  `posted ${total.posted} = processed ${total.succeeded + total.failed} + superseded ${total.superseded} + expired ${total.expired}`,
);
console.log(
  `age of a frame when an engine started it: p50 ${median(ages)} ms, p95 ${percentile(ages, 0.95)} ms, max ${Math.max(...ages)} ms; bound ${maxAge * 1000} ms`,
);
console.log(
  `processed per camera: ${Math.min(...shares)} to ${Math.max(...shares)}, mean ${mean.toFixed(1)}: within ${((100 * Math.max(mean - Math.min(...shares), Math.max(...shares) - mean)) / mean).toFixed(1)} % of it`,
);
