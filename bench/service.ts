import { Agent, request } from 'node:http';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Registry } from '@facequeue/metrics';
import { DEFAULT_DETECTION_OPTIONS, type Profile } from '@facequeue/schema';
import { createLogger } from '@facequeue/service';
import { engineLauncher } from '../apps/worker/src/engines/launcher.ts';
import { EnginePool } from '../apps/worker/src/engines/pool.ts';
import { cpuMs, descendants, residentBytes } from '../test/support/processes/process-table.ts';
import { type Service, startService } from '../test/support/processes/service.ts';
import { load, median, percentile } from './statistics.ts';

/** Of images that no job brings. */
const NAMES = { job_id: 'bench', request_id: 'bench' };
/** Callers at once when throughput is measured. */
const LANES = 8;

export interface ServiceFigures {
  profile: Profile;
  /** ms, one caller at a time. */
  latencyP50: number;
  latencyP95: number;
  /** Images a second through HTTP and queue, LANES callers. */
  service: number;
  /** Images a second the engines alone do, fed by LANES loops. */
  engines: number;
  /** service / engines. */
  ratio: number;
  /** CPU-ms an image of each process while LANES callers post. */
  cpu: Record<string, number>;
}

/** Posts the image as it is and waits for the whole answer. One keep-alive connection a lane. */
function poster(url: string, bytes: Uint8Array, profile: Profile) {
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const target = `${url}/face_detection?profile=${profile}`;
  const headers = { 'content-type': 'image/jpeg', 'content-length': bytes.length };
  return () =>
    new Promise<void>((resolve, reject) => {
      const call = request(target, { method: 'POST', agent, headers }, (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`the service answered ${response.statusCode}`)),
        );
      });
      call.on('error', reject);
      call.end(bytes);
    });
}

/** What each process of the service is, by its command line. */
function rooms(service: Service): Record<string, number[]> {
  const named: Record<string, number[]> = { gateway: [], worker: [], engines: [], redis: [] };
  for (const { pid, command } of descendants(service.pid)) {
    if (command.includes('redis-server')) named['redis']!.push(pid);
    else if (command.includes('api/src/main.ts')) named['gateway']!.push(pid);
    else if (command.includes('worker/src/main.ts')) named['worker']!.push(pid);
    else named['engines']!.push(pid);
  }
  return named;
}

const spent = (service: Service) =>
  Object.fromEntries(
    Object.entries(rooms(service)).map(([room, pids]) => [room, pids.reduce((sum, pid) => sum + cpuMs(pid), 0)]),
  );

/** The same engines as the worker's, without HTTP, Redis or queue. */
async function enginesAlone(bytes: Uint8Array, profile: Profile, ms: number) {
  const pool = await EnginePool.start(
    {
      module: fileURLToPath(new URL('../apps/worker/src/engines/main.ts', import.meta.url)),
      settings: { device: 'cpu' },
      env: {},
      launcher: engineLauncher(),
    },
    { timeoutMs: 30_000, maxRssBytes: 4e9 },
    () => availableParallelism(),
    createLogger('bench', 'silent'),
    new Registry('worker'),
  );
  const signal = new AbortController().signal;
  const run = async () => {
    using slot = await pool.acquire('interactive', signal);
    await slot.run({ bytes: new Uint8Array(bytes), options: { ...DEFAULT_DETECTION_OPTIONS, profile } }, signal, NAMES);
  };
  await load(LANES, ms / 4, run);
  const { rate } = await load(LANES, ms, run);
  await pool.close();
  return rate;
}

/**
 * Latency and throughput through HTTP and queue against the engines alone, turn by turn so that a machine that
 * slows down slows both.
 */
export async function serviceFigures(bytes: Uint8Array, profile: Profile, seconds: number): Promise<ServiceFigures> {
  const alone: number[] = [];
  const through: number[] = [];
  const latency: number[] = [];
  let cpu: Record<string, number> = {};
  for (let turn = 0; turn < 3; turn++) {
    alone.push(await enginesAlone(bytes, profile, (seconds * 1000) / 3));
    await using service = await startService({ LOG_LEVEL: 'warn' });
    const post = poster(service.url, bytes, profile);
    await load(LANES, (seconds * 1000) / 12, post);
    latency.push(...(await load(1, (seconds * 1000) / 6, post)).samples);
    const before = spent(service);
    const self = process.cpuUsage();
    const { rate, samples } = await load(LANES, (seconds * 1000) / 3, post);
    const after = spent(service);
    const used = process.cpuUsage(self);
    cpu = Object.fromEntries(
      Object.keys(before).map((room) => [room, (after[room]! - before[room]!) / samples.length]),
    );
    cpu['caller'] = (used.user + used.system) / 1000 / samples.length;
    through.push(rate);
  }
  return {
    profile,
    latencyP50: median(latency),
    latencyP95: percentile(latency, 0.95),
    service: median(through),
    engines: median(alone),
    ratio: median(through.map((rate, turn) => rate / alone[turn]!)),
    cpu,
  };
}

export interface FootprintFigures {
  /** Seconds from the command to `ready`, packages and Redis being there already. */
  readySeconds: number;
  /** Resident MB after the images, by process. */
  resident: Record<string, number>;
}

/** How soon a warm start is ready, and what a service with one engine holds in memory after `images` images. */
export async function footprint(bytes: Uint8Array, images: number): Promise<FootprintFigures> {
  const start = performance.now();
  await using service = await startService({ LOG_LEVEL: 'warn', ENGINES: '1' });
  const readySeconds = (performance.now() - start) / 1000;
  const post = poster(service.url, bytes, 'balanced');
  for (let done = 0; done < images; done += LANES) await Promise.all(Array.from({ length: LANES }, post));
  const resident = Object.fromEntries(
    Object.entries(rooms(service)).map(([room, pids]) => [
      room,
      pids.reduce((sum, pid) => sum + residentBytes(pid), 0) / 1e6,
    ]),
  );
  return { readySeconds, resident };
}
