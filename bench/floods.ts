/**
 * `npm run bench -- floods [--seconds 8 --headers 2000 --streams 8000 --bodies 200]`: what callers that occupy a gateway cost the others. One
 * address holds connections with half a header, then streams, then bodies that are announced and drip; another address calls
 * meanwhile. Prints what became of the flood, the memory of the gateway and the latency of the others.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { scene } from '../test/support/fixtures/index.ts';
import { residentBytes } from '../test/support/processes/process-table.ts';
import { startService } from '../test/support/processes/service.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { load, median, percentile } from './support/statistics.ts';

const values = readOptions('npm run bench -- floods', 'Calls beside one address that occupies the gateway.', {
  seconds: { default: '8', help: 'duration of each measurement, seconds' },
  headers: { default: '2000', help: 'connections that send half a header' },
  streams: { default: '8000', help: 'streams of events' },
  bodies: { default: '200', help: 'bodies of 20 MB of which a byte a second arrives' },
});
const ms = numberOption('seconds', values.seconds, 1, MAX_SECONDS) * 1000;
const counts = {
  headers: numberOption('headers', values.headers),
  streams: numberOption('streams', values.streams),
  bodies: numberOption('bodies', values.bodies),
};

const FLOOD = '127.0.0.2';
const OTHERS = '127.0.0.1';
/** Connections being opened at a time: more do not fit into a listen queue. */
const LANES = 64;

const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
await using service = await startService({ LOG_LEVEL: 'warn' });
const { port } = new URL(service.url);
const agent = new Agent({ keepAlive: true, localAddress: OTHERS });

async function call(): Promise<void> {
  const sent = request(`${service.url}/face_detection`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'image/jpeg', 'content-length': bytes.length },
  }).end(bytes);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`a call got ${response.statusCode}`);
}

/** A connection of the flood, and the status that it got, 0 for none. */
interface Flooder {
  socket: Socket;
  status: number;
}

async function openOne(head: string): Promise<Flooder> {
  const socket = connect({ port: Number(port), host: OTHERS, localAddress: FLOOD });
  const one: Flooder = { socket, status: 0 };
  socket.on('error', () => {});
  socket.on('data', (data) => {
    if (one.status === 0) one.status = Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1] ?? -1);
  });
  await once(socket, 'connect').catch(() => {});
  socket.write(head);
  return one;
}

async function flood(count: number, head: string): Promise<Flooder[]> {
  const open: Flooder[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) open.push(await openOne(head));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return open;
}

const head = (line: string, ...more: string[]) => [line, `Host: localhost:${port}`, ...more, '', ''].join('\r\n');
const floods: Record<keyof typeof counts, string> = {
  headers: `GET /cameras HTTP/1.1\r\nHost: localhost:${port}\r\nX-Slow: `,
  streams: head('GET /cameras/gate/events HTTP/1.1'),
  bodies: head('POST /face_detection HTTP/1.1', 'Content-Type: image/jpeg', 'Content-Length: 20000000'),
};

const { pid } = service.gateway();
await load(1, ms / 4, call);
const idle = (await load(1, ms, call)).samples;
const row = (name: string, outcome: string, samples: number[], resident: number) =>
  `| ${[
    name,
    outcome,
    (resident / 1e6).toFixed(),
    median(samples).toFixed(1),
    percentile(samples, 0.95).toFixed(1),
    (percentile(samples, 0.95) / percentile(idle, 0.95)).toFixed(2),
  ].join(' | ')} |`;

console.log(`${machine()}\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB, one call after another\n`);
console.log('| beside | answers | gateway MB | p50 ms | p95 ms | ratio of p95 |\n|---|---|---|---|---|---|');
console.log(row('nothing', '', idle, residentBytes(pid)));
for (const name of ['headers', 'streams', 'bodies'] as const) {
  const open = await flood(counts[name], floods[name]);
  const dripping = setInterval(() => {
    for (const { socket, status } of open) if (status === 0 && name !== 'streams') socket.write('x');
  }, 1000);
  let resident = 0;
  const watch = setInterval(() => {
    resident = Math.max(resident, residentBytes(pid));
  }, 100);
  const { samples } = await load(1, ms, call);
  clearInterval(watch);
  clearInterval(dripping);
  const byStatus = Map.groupBy(open, ({ status }) => status);
  const outcome = [...byStatus]
    .map(([status, of]) => `${of.length} ${status === 0 ? 'open' : status}`)
    .sort()
    .join(', ');
  console.log(row(`${counts[name]} ${name}`, outcome, samples, resident));
  for (const { socket } of open) socket.destroy();
  await load(1, 1000, call);
}
agent.destroy();
