/**
 * `npm run bench -- slow-hosts [--seconds 10 --urls 40 --others 400]`: how images of slow hosts affect callers. Hosts that drip, hosts that say
 * nothing and names whose servers never answer, each with so many images at once, as single jobs and as two batches of the caller, then
 * single jobs of another API key. Prints the latency of calls without them and beside them.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createClient } from '@facequeue/client';
import { scene } from '../test/support/fixtures/index.ts';
import { apiKeys, keyOf } from '../test/support/gateway/api-keys.ts';
import { startService } from '../test/support/processes/service.ts';
import { startDnsServer } from '../test/support/servers/dns-server.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { load, median, percentile } from './support/statistics.ts';

const values = readOptions('npm run bench -- slow-hosts', 'Inline calls beside images of slow hosts.', {
  seconds: { default: '10', help: 'duration of each measurement, seconds' },
  urls: { default: '40', help: 'images of each kind of host' },
  others: { default: '400', help: 'images of slow hosts that another key asks for' },
});
const ms = numberOption('seconds', values.seconds, 1, MAX_SECONDS) * 1000;
const count = numberOption('urls', values.urls);
const others = numberOption('others', values.others);

const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
const image = { bytes: new Uint8Array(bytes) };

const listen = async (address: string, listener: RequestListener) => {
  const server = createServer(listener).listen(0, address);
  await once(server, 'listening');
  return server;
};
const dripping = await listen('127.0.0.2', (_, response) => {
  response.writeHead(200, { 'content-length': bytes.length });
  const timer = setInterval(() => response.write('.'), 500);
  response.on('close', () => clearInterval(timer));
});
const silent = await listen('127.0.0.3', () => {});
const good = await listen('127.0.0.4', (_, response) => response.end(bytes));
const port = (server: typeof silent) => (server.address() as AddressInfo).port;
const names = await startDnsServer({
  'drips.test': { A: ['127.0.0.2'] },
  'silent.test': { A: ['127.0.0.3'] },
  'good.test': { A: ['127.0.0.4'] },
  ...Object.fromEntries(
    Array.from({ length: Math.max(count, others) }, (_, i) => [`never-${i}.test`, 'silent' as const]),
  ),
});
const slowHosts = (i: number) => [
  `http://drips.test:${port(dripping)}/${i}`,
  `http://never-${i}.test/`,
  `http://silent.test:${port(silent)}/${i}`,
];
const slowUrls = Array.from({ length: count }, (_, i) => slowHosts(i)).flat();
const otherUrls = Array.from({ length: others }, (_, i) => slowHosts(i)[i % 3]!);

await using service = await startService({
  LOG_LEVEL: 'warn',
  API_KEYS: apiKeys('caller', 'other'),
  SOURCE_ALLOW: '127.0.0.0/8',
  NODE_OPTIONS: `--import=${fileURLToPath(new URL('../test/support/servers/name-servers-hook.ts', import.meta.url))}`,
  TEST_NAME_SERVER: names.address,
});
const [client, other] = ['caller', 'other'].map((name) =>
  createClient({ baseUrl: service.url, apiKey: keyOf(name), retries: 0 }),
) as [ReturnType<typeof createClient>, ReturnType<typeof createClient>];
const inline = () => client.detect(image);
const fromGoodHost = () => client.detect({ url: `http://good.test:${port(good)}/` });

/** Calls one after another, half of them with the image and half with a URL of a good host. */
async function measure() {
  return { inline: (await load(1, ms, inline)).samples, url: (await load(1, ms, fromGoodHost)).samples };
}
type Measured = Awaited<ReturnType<typeof measure>>;

await load(availableParallelism(), ms / 4, inline);
await load(1, ms / 4, fromGoodHost);
const idle = await measure();
const ids = await Promise.all(slowUrls.map(async (url) => (await client.submit({ url })).id));
const besideJobs = await measure();
const left = await Promise.all(ids.map(async (id) => (await client.job(id)).status));
await Promise.allSettled(ids.map((id) => client.cancel(id)));
const batches = await Promise.all(
  [0, 1].map(async () => {
    const batch = await client.createBatch({ open: true });
    await client.appendItems(
      batch.id,
      slowUrls.map((url, i) => ({ id: `${i}`, url })),
    );
    return batch.id;
  }),
);
const besideBatches = await measure();
await Promise.all(batches.map((id) => client.eraseBatch(id)));
const otherIds = await Promise.all(otherUrls.map(async (url) => (await other.submit({ url })).id));
const besideOther = await measure();
await Promise.allSettled(otherIds.map((id) => other.cancel(id)));
for (const server of [dripping, silent, good]) server.closeAllConnections();
for (const server of [dripping, silent, good]) server.close();
await names[Symbol.asyncDispose]();

console.log(
  `${machine()}\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB; ${slowUrls.length} images of slow hosts, ${left.filter((status) => status === 'queued').length} of them still waiting after the measurement\n`,
);
console.log(
  '| beside | inline p50 ms | p95 ms | ratio of p95 | by URL p50 ms | p95 ms | ratio of p95 |\n|---|---|---|---|---|---|---|',
);
const rows: [string, Measured][] = [
  ['nothing', idle],
  ['slow jobs', besideJobs],
  ['two slow batches', besideBatches],
  [`${others} slow jobs of another key`, besideOther],
];
for (const [name, measured] of rows) {
  const cells = (['inline', 'url'] as const).flatMap((kind) => {
    const p95 = percentile(measured[kind], 0.95);
    return [median(measured[kind]).toFixed(1), p95.toFixed(1), (p95 / percentile(idle[kind], 0.95)).toFixed(2)];
  });
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}
