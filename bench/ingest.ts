/**
 * `npm run bench -- ingest [--items 20000 --kills 0]`: small images appended to an open batch while its results are read. Checks that each
 * item comes once, in the order of ends; prints the memory of gateway and Redis on the way. Admission is set so low that senders
 * have to wait for room.
 */
import { audit } from '@facequeue/audit';
import type { BatchItem } from '@facequeue/client';
import { scene } from '../test/support/fixtures/index.ts';
import { startInstallation } from '../test/support/processes/installation.ts';
import { residentBytes } from '../test/support/processes/process-table.ts';
import { machine } from './support/machine.ts';
import { numberOption, readOptions } from './support/options.ts';
import { info } from './support/redis-info.ts';

const values = readOptions(
  'npm run bench -- ingest',
  'Small images appended to an open batch while its results are read.',
  {
    items: { default: '20000', help: 'number of images' },
    kills: { default: '0', help: 'how often the worker is killed with SIGKILL meanwhile' },
    'blob-mb': { default: '16', help: 'MAX_BLOB_BYTES of the installation, MB' },
  },
);
const items = numberOption('items', values.items);
const kills = numberOption('kills', values.kills, 0);
const blobMb = numberOption('blob-mb', values['blob-mb']);

/** Number of different pictures. */
const PICTURES = 50;
/** px: one face nearly fills it. */
const SIDE = 160;
/** Lines of the table. */
const LINES = 10;

const pictures = await Promise.all(
  Array.from({ length: PICTURES }, async (_, i) => (await scene({ faces: 1, width: SIDE + i, height: SIDE })).bytes),
);
const meanBytes = pictures.reduce((sum, { length }) => sum + length, 0) / PICTURES;

process.env['TEST_REDIS'] ??= 'local';
await using installation = await startInstallation({
  MAX_BLOB_BYTES: `${blobMb}mb`,
  LOG_LEVEL: 'warn',
  ENGINES: 'auto',
});
const redisPort = Number(new URL(installation.redis.url).port);
const usedMemory = async () => Number(await info(redisPort, 'memory', 'used_memory'));
const gateway = await installation.gateway();
let worker = await installation.worker();
const { client } = gateway;

const atStart = await usedMemory();
console.log(
  `${machine()}\n${items} JPEGs of about ${Math.round(meanBytes)} bytes, MAX_BLOB_BYTES ${blobMb} MB, ${kills} kills of the worker\n`,
);
console.log('| results read | seconds | gateway MB | Redis MB |\n|---|---|---|---|');

const batch = await client.createBatch({ open: true });
function* folder(): Generator<BatchItem> {
  for (let i = 0; i < items; i++) yield { id: `image-${i}`, bytes: new Uint8Array(pictures[i % PICTURES]!) };
}
const startedAt = performance.now();
const sending = client.appendItems(batch.id, folder()).then(async (totals) => {
  await client.closeBatch(batch.id);
  return totals;
});
sending.catch(() => {});

let peakRedis = 0;
const sampling = setInterval(async () => {
  peakRedis = Math.max(peakRedis, await usedMemory().catch(() => 0));
}, 250);

const seen = new Set<string>();
const faulty: string[] = [];
let killed = 0;
for await (const line of client.results(batch.id, { follow: true })) {
  if (seen.has(line.id)) throw new Error(`${line.id} came twice`);
  seen.add(line.id);
  if (Number(line.cursor) !== seen.size) throw new Error(`${line.id} is at ${line.cursor}, expected ${seen.size}`);
  if (line.status !== 'succeeded' || line.result!.Faces.length !== 1)
    faulty.push(`${line.id}: ${line.error?.detail ?? 'no face'}`);
  if (seen.size % Math.ceil(items / LINES) === 0 || seen.size === items) {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`| ${seen.size} | ${seconds} | ${mb(residentBytes(gateway.pid))} | ${mb(await usedMemory())} |`);
  }
  if (killed < kills && seen.size >= ((killed + 1) * items) / (kills + 1)) {
    killed += 1;
    process.kill(worker.pid, 'SIGKILL');
    worker = await installation.worker();
  }
}
clearInterval(sampling);
const seconds = (performance.now() - startedAt) / 1000;
const totals = await sending;
// An append that was refused half-way has appended some items, which its repeat skips.
const appended = totals.accepted + totals.skipped;
if (seen.size !== items || appended !== items)
  throw new Error(`${seen.size} of ${items} came, ${appended} were appended`);
await client.eraseBatch(batch.id);
const { findings } = await audit(installation.redis.url, installation.prefix);
if (findings.length) throw new Error(findings.map(({ text }) => text).join('\n'));
console.log(
  `\n${items} items, each once and in order; ${(items / seconds).toFixed(1)} items/s; ${faulty.length} without a face`,
);
console.log(
  `Redis used ${mb(atStart)} MB before, ${mb(peakRedis)} MB at most, ${mb(await usedMemory())} MB after the batch was erased`,
);
for (const fault of faulty.slice(0, 5)) console.log(fault);
if (faulty.length) process.exitCode = 1;

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
