/**
 * `npm run bench -- device`: the whole service on each device with several numbers of engines, fed with pictures of several sizes: images per
 * second, latency, CPU time and memory, and whether every device finds the faces of the first one. Ends in time, whatever the machine.
 */
import { execFileSync } from 'node:child_process';
import { type DetectionResult, PROFILES } from '@facequeue/schema';
import sharp from 'sharp';
import { photographBytes, scene } from '../test/support/fixtures/index.ts';
import { cpuMs, descendants, residentBytes } from '../test/support/processes/process-table.ts';
import { type Service, startService } from '../test/support/processes/service.ts';
import { machine } from './support/machine.ts';
import { numberOption, readOptions } from './support/options.ts';
import { load, percentile } from './support/statistics.ts';

const values = readOptions(
  'npm run bench -- device',
  'The service on each device, with several numbers of engines and mixed pictures: throughput, and whether the faces agree.',
  {
    devices: { default: 'cpu,webgpu,cuda,auto', help: 'values of DEVICE, with commas; the first is the reference' },
    engines: { default: '1,4,16', help: 'values of ENGINES, with commas; `auto` has one of its own' },
    seconds: { default: '10', help: 'duration of each measurement, seconds' },
    minutes: { default: '7.5', help: 'what would begin later is left out' },
    profile: { default: 'balanced', help: `profile: ${PROFILES.join(', ')}` },
    side: { default: '4096', help: 'longest side of a picture, px; 160 or less for a software GPU' },
  },
);
const seconds = numberOption('seconds', values.seconds, 0.1, 600);
const deadline = performance.now() + numberOption('minutes', values.minutes, 0, 600) * 60_000;
const side = numberOption('side', values.side, 64, 8192);
const devices = values.devices.split(',');
const counts = values.engines.split(',').map((text) => numberOption('engines', text, 1, 256));

/** Largest accepted differences: in shares of a face's size, in confidence, and in years. As in test/webgpu. */
const TOLERANCE = { place: 0.01, confidence: 0.01, years: 0.5 };
/** How long the start may take, and how long the first of each picture together, ms: a software renderer does not get beyond them. */
const FIRST_MS = 120_000;

const pictures = await mixedPictures();
console.log(machine());
console.log(gpus());
const sizes = pictures.map(({ name, bytes }) => `${name} (${Math.round(bytes.length / 1000)} kB)`);
console.log(`Profile ${values.profile}; pictures, each as often: ${sizes.join(', ')}\n`);
console.log(
  '| DEVICE | engines | callers | images/s | p50 ms | p95 ms | CPU-ms an image: engines | others | MB an engine | GPU MB |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|');

let wanted: DetectionResult[] | undefined;
const notes: string[] = [];
const failed = new Set<string>();
const plans = [
  ...counts.flatMap((engines) => devices.filter((name) => name !== 'auto').map((device) => ({ device, engines }))),
  ...(devices.includes('auto') ? [{ device: 'auto', engines: 'auto' as const }] : []),
];
let longest = 0;
for (const { device, engines } of plans) {
  if (failed.has(device)) continue;
  const start = performance.now();
  if (start + longest > deadline) {
    notes.push(`${device} with ${engines} engines: left out, no time`);
    continue;
  }
  try {
    await measure(device, engines);
  } catch (error) {
    failed.add(device);
    const reason = /cannot be used: ([^"]*)/.exec((error as Error).message)?.[1] ?? (error as Error).message;
    notes.push(`${device} with ${engines} engines: ${reason.split('\n')[0]}`);
  }
  longest = Math.max(longest, performance.now() - start);
}
for (const note of notes) console.log(`\n${note}`);

/** Starts a service, measures it and prints a line of the table. */
async function measure(device: string, engines: number | 'auto'): Promise<void> {
  const before = gpuMb();
  const settings = { LOG_LEVEL: 'info', ENGINE_TIMEOUT: '10m', SYNC_WAIT: '10m' };
  const start = performance.now();
  await using service = await startService(
    { ...settings, DEVICE: device, ENGINES: String(engines) },
    { readyMs: FIRST_MS },
  );
  const readySeconds = (performance.now() - start) / 1000;
  const running = service.engines().length;
  const callers = Math.max(8, 2 * running);
  const found: DetectionResult[] = [];
  const first = AbortSignal.timeout(FIRST_MS);
  for (const { bytes } of pictures) found.push(await post(service, bytes, first));
  wanted ??= found;
  notes.push(`${device} with ${engines} engines: ready in ${readySeconds.toFixed(1)} s; ${compared(wanted, found)}`);
  const reason = /"reason":"([^"]*)"/.exec(service.log())?.[1];
  if (device === 'auto') notes.push(`auto: ${running} engines, ${reason}`);

  let next = 0;
  const one = () => post(service, pictures[next++ % pictures.length]!.bytes, AbortSignal.timeout(600_000));
  // The first pictures in each engine compile kernels and enlarge buffers.
  await load(callers, seconds * 500, one);
  const cpuBefore = cpuOf(service);
  const { rate, samples } = await load(callers, seconds * 1000, one);
  const cpuAfter = cpuOf(service);
  const perImage = (role: 'engines' | 'others') => (cpuAfter[role] - cpuBefore[role]) / samples.length;
  const resident = service.engines().map(({ pid }) => residentBytes(pid) / 1e6);
  const after = gpuMb();
  const cells = [
    rate,
    percentile(samples, 0.5),
    percentile(samples, 0.95),
    perImage('engines'),
    perImage('others'),
    resident.reduce((sum, mb) => sum + mb, 0) / resident.length,
  ];
  const gpu = before === null || after === null ? '' : String(after - before);
  console.log(
    `| ${device} | ${running} | ${callers} | ${cells.map((value) => value.toFixed(1)).join(' | ')} | ${gpu} |`,
  );
}

async function post(service: Service, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<DetectionResult> {
  const url = `${service.url}/face_detection?profile=${values.profile}`;
  const headers = { 'content-type': 'image/jpeg' };
  const response = await fetch(url, { method: 'POST', body: bytes, headers, signal });
  if (response.status !== 200) throw new Error(`the service answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as DetectionResult;
}

/** CPU time of the engines, and of the other processes of the service, ms. */
function cpuOf(service: Service): { engines: number; others: number } {
  const sum = (pids: number[]) => pids.reduce((ms, pid) => ms + cpuMs(pid), 0);
  const engines = service.engines().map(({ pid }) => pid);
  const others = descendants(service.pid).flatMap(({ pid }) => (engines.includes(pid) ? [] : [pid]));
  return { engines: sum(engines), others: sum(others) };
}

/** Pictures as a service sees them: of phones, cameras and pages, with no face, one, and a group. */
async function mixedPictures(): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }[]> {
  const background = 'coffee';
  const sources = {
    'one face, 640 px': (await scene({ faces: 1, width: 640, height: 480, background })).bytes,
    'one face, 1080p': (await scene({ faces: 1, width: 1920, height: 1080, background })).bytes,
    '14 faces': (await scene({ faces: 14, background })).bytes,
    'one face, 4096 px': (await scene({ faces: 1, width: 4096, height: 3072, background })).bytes,
    'no face': await photographBytes('no-face-cat.png'),
  };
  return await Promise.all(
    Object.entries(sources).map(async ([name, bytes]) => {
      const resized = sharp(bytes).resize(side, side, { fit: 'inside', withoutEnlargement: true });
      return { name, bytes: new Uint8Array(await resized.jpeg({ quality: 90 }).toBuffer()) };
    }),
  );
}

/** Says how much the faces differ. @throws beyond the tolerance */
function compared(wanted: readonly DetectionResult[], found: readonly DetectionResult[]): string {
  const most = { place: 0, confidence: 0, years: 0 };
  let faces = 0;
  for (const [i, { Faces }] of wanted.entries()) {
    const others = found[i]!.Faces;
    if (others.length !== Faces.length) throw new Error(`finds ${others.length} faces of ${Faces.length}`);
    faces += Faces.length;
    for (const [k, { BoundingBox: box, Confidence, age }] of Faces.entries()) {
      const other = others[k]!;
      for (const edge of ['Left', 'Top', 'Width', 'Height'] as const)
        most.place = Math.max(
          most.place,
          Math.abs(box[edge] - other.BoundingBox[edge]) / Math.sqrt(box.Width * box.Height),
        );
      most.confidence = Math.max(most.confidence, Math.abs(Confidence - other.Confidence));
      most.years = Math.max(most.years, Math.abs((age ?? 0) - (other.age ?? 0)));
    }
  }
  for (const name of ['place', 'confidence', 'years'] as const)
    if (most[name] > TOLERANCE[name])
      throw new Error(`differs by ${most[name]} (${name}), more than ${TOLERANCE[name]}`);
  return `the same ${faces} faces; boxes differ by ${(most.place * 100).toFixed(2)} % of a face at most, confidence by ${most.confidence.toFixed(4)}, age by ${most.years.toFixed(2)} years`;
}

/** The GPUs of the machine, for the head of the table. */
function gpus(): string {
  return nvidiaSmi('name,driver_version,memory.total') ?? 'no nvidia-smi';
}

/** Memory in use on all GPUs, MiB; null without nvidia-smi. */
function gpuMb(): number | null {
  const lines = nvidiaSmi('memory.used');
  return lines === null ? null : lines.split('\n').reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
}

function nvidiaSmi(query: string): string | null {
  try {
    const args = [`--query-gpu=${query}`, '--format=csv,noheader'];
    return execFileSync('nvidia-smi', args, {
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
