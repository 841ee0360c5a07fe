/** `npm run bench [-- NAME] [-- options]`: runs a bench. docs/performance.md has the figures. */
import { existsSync } from 'node:fs';

/** The benches by name, with what each measures. */
const BENCHES = {
  image: 'an image: CPU time by stage, latency and throughput of the service, memory (the default)',
  queue: 'a job without an image: throughput, latency and CPU time of gateway, worker and Redis',
  waits: 'ten thousand callers that wait for ten thousand jobs: memory and CPU time of the gateway',
  backlog: 'a hundred thousand jobs that only wait: CPU time of Redis',
  'jobs-memory': 'keys and memory in Redis before jobs, after them and after they have expired',
  ingest: 'small images appended to an open batch while its results are read: throughput and memory',
  interactive: 'interactive calls during a bulk backlog: latency, and the share of bulk images',
  'slow-hosts': 'inline calls beside images of slow hosts, as jobs and as batches: latency',
  fairness: "calls beside another caller's flood: latency; what turns cost a caller that is alone",
  floods: 'calls beside an address with slow headers, streams and dripping bodies: latency, and memory of the gateway',
  cameras: 'cameras that post more frames than the worker can process: age and outcome of the frames',
  'large-images': 'the largest pictures of every kind: memory and CPU time of an engine',
  'camera-costs': 'idle and busy cameras: memory of Redis for each, CPU time for each frame',
  kernels: 'the loops over pixels: with SIMD instructions, in plain TypeScript, by libvips',
  device:
    'the service on each device with 1, 4 and 16 engines and mixed pictures: throughput, and whether the faces agree',
  scenes: 'scenes with known faces: how small a face may be, sheets full of portraits, faces where there are none',
  soak: 'many images through one service: whether memory grows',
  chaos: 'faults in a running installation: whether anything is lost (docs/reliability.md)',
};

const [first, ...rest] = process.argv.slice(2);
if (first === '--help' || first === '-h' || first === 'help') help();
// Without a name the options are those of the default.
else if (first === undefined || first.startsWith('-')) await run('image', process.argv.slice(2));
else if (Object.hasOwn(BENCHES, first)) await run(first, rest);
else {
  console.error(`'${first}' is not a bench; expected one of: ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 2;
}

/** Each bench is a module that runs when it is imported, with its options in `process.argv`. */
async function run(name: string, options: readonly string[]): Promise<void> {
  const file = [`./${name}.ts`, `./${name}/main.ts`].find((path) => existsSync(new URL(path, import.meta.url)))!;
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...options);
  await import(file);
}

function help(): void {
  console.log('npm run bench -- [NAME] [options]\n\nBenches:');
  const width = Math.max(...Object.keys(BENCHES).map((name) => name.length));
  for (const [name, what] of Object.entries(BENCHES)) console.log(`  ${name.padEnd(width)}  ${what}`);
  console.log('\nnpm run bench -- NAME --help lists the options of one.');
}
