/**
 * `npm run bench -- interactive [--backlog 5000 --seconds 20]`: how a bulk backlog affects interactive calls. One worker with one engine per
 * core; 1080p JPEGs. Prints the p95 of single calls while idle and during the backlog, the service time of a bulk image, and the
 * share of bulk images while callers keep every engine busy.
 */
import { availableParallelism } from 'node:os';
import { type BatchItem, type Client, createClient } from '@facequeue/client';
import { scene } from '../test/support/fixtures/index.ts';
import { startService } from '../test/support/processes/service.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { load, median, percentile } from './support/statistics.ts';

const values = readOptions('npm run bench -- interactive', 'Interactive calls during a bulk backlog.', {
  backlog: { default: '5000', help: 'bulk items' },
  seconds: { default: '20', help: 'duration of each measurement, seconds' },
});
const backlog = numberOption('backlog', values.backlog);
const ms = numberOption('seconds', values.seconds, 1, MAX_SECONDS) * 1000;
/** Enough callers to keep all engines busy all the time. */
const CROWD = 4 * availableParallelism();

const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
const image = { bytes: new Uint8Array(bytes) };

await using service = await startService({ LOG_LEVEL: 'warn', MAX_BLOB_BYTES: '4gb' });
const client = createClient({ baseUrl: service.url, retries: 0 });
const call = () => client.detect(image);

await load(availableParallelism(), ms / 4, call);
const idle = (await load(1, ms, call)).samples;

const batch = await client.createBatch({ open: true });
function* folder(): Generator<BatchItem> {
  for (let i = 0; i < backlog; i++) yield { id: `${i}`, bytes: image.bytes };
}
await client.appendItems(batch.id, folder());
await client.closeBatch(batch.id);

const busy = (await load(1, ms, call)).samples;
const serviceMs = await bulkServiceMs(client, batch.id);
const before = await client.batch(batch.id);
const crowd = await load(CROWD, ms, call);
const after = await client.batch(batch.id);
if (after.counts.queued === 0) throw new Error('the backlog ended before the measurement; raise --backlog');
const bulk = after.counts.succeeded - before.counts.succeeded;
await client.eraseBatch(batch.id);

const figure = (value: number) => value.toFixed(1);
const idleP95 = percentile(idle, 0.95);
const busyP95 = percentile(busy, 0.95);
const bound = idleP95 + 1.5 * serviceMs;
console.log(
  `${machine()}\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB; ${before.counts.queued} bulk items queued\n`,
);
console.log(`interactive, idle: p50 ${figure(median(idle))} ms, p95 ${figure(idleP95)} ms`);
console.log(`bulk image in an engine: ${figure(serviceMs)} ms`);
console.log(
  `interactive under the backlog: p50 ${figure(median(busy))} ms, p95 ${figure(busyP95)} ms; bound ${figure(bound)} ms, ratio ${(busyP95 / bound).toFixed(2)}`,
);
console.log(
  `${CROWD} callers at once: ${crowd.samples.length} interactive images, ${bulk} bulk ones: ${((100 * bulk) / (bulk + crowd.samples.length)).toFixed(1)} % (floor 20 %)`,
);

/** Mean milliseconds that a bulk image spends in an engine, by the timings of the results. */
async function bulkServiceMs(from: Client, id: string): Promise<number> {
  const samples: number[] = [];
  for await (const { timings } of from.results(id)) {
    const { decode = 0, detect = 0, landmarks = 0, attributes = 0 } = timings;
    samples.push(decode + detect + landmarks + attributes);
  }
  return samples.reduce((sum, each) => sum + each, 0) / samples.length;
}
