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
import { load, median, percentile } from './support/statistics.ts';

/** Ids for images without a job. */
const IDS = { job_id: 'bench', request_id: 'bench' };
/** Callers at once when throughput is measured. */
const LANES = 8;

export interface ServiceFigures {
  profile: Profile;
  /** ms, one caller at a time. */
  latencyP50: number;
  latencyP95: number;
  /** Images per second through HTTP and queue, LANES callers. */
  service: number;
  /** Images per second of the engines alone, fed by LANES loops. */
  engines: number;
  /** service / engines. */
  ratio: number;
  /** CPU-ms per image of each role while LANES callers post. */
  cpu: Record<string, number>;
}

/** Posts the image and waits for the whole answer. One keep-alive connection per lane. */
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

/** Process ids of the service by role. */
function pidsByRole(service: Service): Record<string, number[]> {
  const pids: Record<string, number[]> = { gateway: [], worker: [], engines: [], redis: [] };
  for (const { pid, command } of descendants(service.pid)) {
    if (command.includes('redis-server')) pids['redis']!.push(pid);
    else if (command.includes('api/src/main.ts')) pids['gateway']!.push(pid);
    else if (command.includes('worker/src/main.ts')) pids['worker']!.push(pid);
    else pids['engines']!.push(pid);
  }
  return pids;
}

const spent = (service: Service) =>
  Object.fromEntries(
    Object.entries(pidsByRole(service)).map(([role, pids]) => [role, pids.reduce((sum, pid) => sum + cpuMs(pid), 0)]),
  );

/** Images per second of engines like the worker's, without HTTP, Redis or queue. */
async function enginesAlone(bytes: Uint8Array, profile: Profile, ms: number) {
  const pool = await EnginePool.start(
    {
      module: fileURLToPath(new URL('../apps/worker/src/engines/main.ts', import.meta.url)),
      settings: { device: 'cpu' },
      env: {},
      launcher: engineLauncher(),
    },
    { timeLimit: { baseMs: 30_000, megapixelMs: 300, maxPixels: 50e6, faceMs: 150 }, maxRssBytes: 4e9 },
    () => availableParallelism(),
    createLogger('bench', 'silent'),
    new Registry('worker'),
  );
  const signal = new AbortController().signal;
  const run = async () => {
    using slot = await pool.acquire('interactive', '', signal);
    await slot.run({ bytes: new Uint8Array(bytes), options: { ...DEFAULT_DETECTION_OPTIONS, profile } }, signal, IDS);
  };
  await load(LANES, ms / 4, run);
  const { rate } = await load(LANES, ms, run);
  await pool.close();
  return rate;
}

/**
 * Latency and throughput through HTTP and queue against the engines alone, measured alternately, so that a machine that
 * slows down slows both.
 */
export async function serviceFigures(bytes: Uint8Array, profile: Profile, seconds: number): Promise<ServiceFigures> {
  const alone: number[] = [];
  const through: number[] = [];
  const latency: number[] = [];
  let cpu: Record<string, number> = {};
  for (let repeat = 0; repeat < 3; repeat++) {
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
      Object.keys(before).map((role) => [role, (after[role]! - before[role]!) / samples.length]),
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
    ratio: median(through.map((rate, i) => rate / alone[i]!)),
    cpu,
  };
}

export interface FootprintFigures {
  /** Seconds from the command to `ready`, with packages and Redis already installed. */
  readySeconds: number;
  /** Resident MB after the images, by role. */
  resident: Record<string, number>;
}

/** Time of a warm start, and memory of a service with one engine after `images` images. */
export async function footprint(bytes: Uint8Array, images: number): Promise<FootprintFigures> {
  const start = performance.now();
  await using service = await startService({ LOG_LEVEL: 'warn', ENGINES: '1' });
  const readySeconds = (performance.now() - start) / 1000;
  const post = poster(service.url, bytes, 'balanced');
  for (let done = 0; done < images; done += LANES) await Promise.all(Array.from({ length: LANES }, post));
  const resident = Object.fromEntries(
    Object.entries(pidsByRole(service)).map(([role, pids]) => [
      role,
      pids.reduce((sum, pid) => sum + residentBytes(pid), 0) / 1e6,
    ]),
  );
  return { readySeconds, resident };
}
