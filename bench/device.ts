/**
 * `npm run bench -- device [--devices cpu,webgpu --seconds 5 --in-flight 1,16,64]`: one pipeline on each device, without a service. Prints images per
 * second, and checks that every device finds the faces of the first one. A named device that is missing is an error, as for a worker.
 */
import { createPipeline, type Detection, type DeviceChoice } from '@facequeue/pipeline';
import { DEFAULT_DETECTION_OPTIONS, PROFILES, type Profile } from '@facequeue/schema';
import { PHOTOGRAPHS, type PhotographName, photographBytes, scene } from '../test/support/fixtures/index.ts';
import { machine } from './support/machine.ts';
import { MAX_SECONDS, numberOption, readOptions } from './support/options.ts';
import { load, percentile } from './support/statistics.ts';

const values = readOptions(
  'npm run bench -- device',
  'The pipeline alone on each device: images per second, and whether the faces agree.',
  {
    devices: { default: 'cpu,webgpu', help: 'devices, with commas; the first is the reference' },
    seconds: { default: '5', help: 'duration of each measurement, seconds' },
    'in-flight': { default: '1,16,64', help: 'images in flight, with commas' },
  },
);
const seconds = numberOption('seconds', values.seconds, 1, MAX_SECONDS);
const inFlight = values['in-flight'].split(',').map((text) => numberOption('in-flight', text));
const devices = values.devices.split(',') as DeviceChoice[];

/** Largest accepted differences: in shares of a face's size, in confidence and probability, and in years. As in test/webgpu. */
const TOLERANCE = { place: 0.01, probability: 0.01, years: 0.5 };

const { bytes } = await scene({ faces: 1, width: 1920, height: 1080, background: 'coffee' });
const compared = [
  bytes,
  (await scene({ faces: 14, background: 'coffee' })).bytes,
  ...(await Promise.all((Object.keys(PHOTOGRAPHS) as PhotographName[]).map(photographBytes))),
];

console.log(`${machine()}\n1080p JPEG with one face, ${Math.round(bytes.length / 1000)} kB\n`);
console.log('| device | profile | in flight | images/s | p50 ms | p95 ms | ratio to the first device |');
console.log('|---|---|---|---|---|---|---|');
const first = new Map<string, number>();
let wanted: Detection[][] | null = null;
for (const device of devices) {
  await using pipeline = await createPipeline({ device, threads: 1 });
  await pipeline.warm();
  const detect = (image: Uint8Array, profile: Profile) =>
    pipeline.detect(image, { ...DEFAULT_DETECTION_OPTIONS, profile });
  for (const profile of PROFILES) {
    for (const lanes of inFlight) {
      // Warm-up: the first runs compile kernels for these shapes and batches.
      await load(lanes, seconds * 500, () => detect(bytes, profile));
      const { rate, samples } = await load(lanes, seconds * 1000, () => detect(bytes, profile));
      const what = `${profile} ${lanes}`;
      if (!first.has(what)) first.set(what, rate);
      const [p50, p95] = [percentile(samples, 0.5), percentile(samples, 0.95)].map((ms) => ms.toFixed(1));
      const ratio = (rate / first.get(what)!).toFixed(2);
      console.log(`| ${pipeline.device} | ${profile} | ${lanes} | ${rate.toFixed(1)} | ${p50} | ${p95} | ${ratio} |`);
    }
  }
  const found = await Promise.all(
    PROFILES.map((profile) => Promise.all(compared.map((image) => detect(image, profile)))),
  );
  wanted ??= found;
  compare(pipeline.device, wanted.flat(), found.flat());
}

/** Prints the largest differences, and throws beyond the tolerance. */
function compare(device: string, wanted: readonly Detection[], found: readonly Detection[]): void {
  const most = { place: 0, probability: 0, years: 0 };
  let faces = 0;
  for (const [i, { faces: expected }] of wanted.entries()) {
    const { faces: actual } = found[i]!;
    if (actual.length !== expected.length)
      throw new Error(`${device} finds ${actual.length} faces of ${expected.length}`);
    faces += actual.length;
    for (const [k, face] of expected.entries()) {
      const other = actual[k]!;
      const size = Math.sqrt(face.box.width * face.box.height);
      for (const side of ['x', 'y', 'width', 'height'] as const) {
        most.place = Math.max(most.place, Math.abs(face.box[side] - other.box[side]) / size);
      }
      for (const [j, value] of face.landmarks!.entries())
        most.place = Math.max(most.place, Math.abs(value - other.landmarks![j]!) / size);
      const [a, b] = [face.attributes!, other.attributes!];
      most.probability = Math.max(
        most.probability,
        Math.abs(face.confidence - other.confidence),
        Math.abs(a.male - b.male),
      );
      most.years = Math.max(most.years, Math.abs(a.age - b.age));
    }
  }
  console.log(
    `\n${device}: the same ${faces} faces; they differ by at most ${(most.place * 100).toFixed(2)} % of a face's size, ` +
      `${most.probability.toFixed(4)} of confidence and gender, ${most.years.toFixed(2)} years\n`,
  );
  for (const name of ['place', 'probability', 'years'] as const)
    if (most[name] > TOLERANCE[name])
      throw new Error(`${device} differs by ${most[name]} (${name}), more than ${TOLERANCE[name]}`);
}
