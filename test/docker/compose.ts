/**
 * `npm run test:compose`: builds the images, starts docker-compose.yml with three workers on a free port, posts the README's picture, scales
 * to one worker and back under load, and takes everything down. No call may fail and no job may be lost. Settings must reach the
 * service that reads them, and other containers must reach the workers' health and metrics. Containers must have no privilege and a limit
 * on memory and processes, and Redis must answer nobody without its password. The image for GPU workers is built too and must refuse to
 * start without a GPU. At last Redis starts on the volume of a release that had no password. Needs Docker with compose.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@facequeue/client';

const ROOT = new URL('../..', import.meta.url).pathname;
const astronaut = readFileSync(`${ROOT}test/images/astronaut.png`);

const port = await new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as { port: number };
    probe.close(() => resolve(port));
  });
});
const env = {
  ...process.env,
  PORT: String(port),
  COMPOSE_PROJECT_NAME: `facequeue-test-${process.pid}`,
  COMPOSE_PROFILES: 'cpu',
  ENGINES: '1',
  // Settings that have to arrive in the containers.
  SYNC_WAIT: '18s',
  MAX_ATTEMPTS: '4',
  AWS_ACCESS_KEY_ID: 'AKIATEST',
};
/** In .env. */
const ALLOWED_HOSTS = 'localhost,127.0.0.1,gateway';
const url = `http://127.0.0.1:${port}`;

async function docker(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', words, { cwd: ROOT, env, maxBuffer: 64 << 20 });
  return stdout;
}

const compose = (...words: string[]) => docker('compose', ...words);

/** Polls until `probe` returns true: containers emit no event to wait for. */
async function until(what: string, probe: () => Promise<boolean>) {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) {
    if (await probe().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not true after 120 s`);
}

async function expectOneFace() {
  const response = await fetch(`${url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: astronaut,
  });
  const text = await response.text();
  if (response.status !== 200 || JSON.parse(text).Faces.length !== 1)
    throw new Error(`expected one face, got ${response.status} ${text}`);
}

const workersSeen = async () =>
  ((await (await fetch(`${url}/system`)).json()) as { workers: unknown[] }).workers.length;

/** Callers in a loop, until `end`. */
function callers(count: number) {
  const client = createClient({ baseUrl: url });
  const jobs: string[] = [];
  let over = false;
  const call = async () => {
    while (!over) {
      // The client repeats a submission where that is safe; any other failure fails this test.
      const { id } = await client.submit({ bytes: new Uint8Array(astronaut) });
      jobs.push(id);
      const { status, result } = await client.wait(id);
      if (status !== 'succeeded' || result!.Faces.length !== 1) throw new Error(`${id} ${status} instead of one face`);
    }
  };
  const all = Promise.all(Array.from({ length: count }, call));
  all.catch(() => {}); // `end` awaits it.
  return {
    jobs,
    more: (by: number) => {
      const enough = jobs.length + by;
      return Promise.race([until(`${by} more calls`, async () => jobs.length >= enough), all]);
    },
    async end() {
      over = true;
      await all;
    },
  };
}

function expectEqual(what: string, actual: unknown, expected: unknown) {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

/** Runs an expression in a container of a service and returns its value. */
async function evaluateIn(service: string, expression: string): Promise<unknown> {
  const script = `(async () => console.log(JSON.stringify(await (${expression}))))()`;
  return JSON.parse(await compose('exec', '-T', service, 'node', '-e', script));
}

/** Settings of the shell reach the service that reads them, and no other. */
async function expectSettings() {
  const settings =
    "['SYNC_WAIT', 'MAX_ATTEMPTS', 'AWS_ACCESS_KEY_ID', 'API_KEYS', 'ALLOWED_HOSTS'].map((name) => process.env[name] ?? null)";
  expectEqual('settings of the gateway', await evaluateIn('gateway', settings), [
    '18s',
    '4',
    null,
    null,
    ALLOWED_HOSTS,
  ]);
  expectEqual('settings of a worker', await evaluateIn('worker', settings), [null, '4', 'AKIATEST', null, null]);
  // By its name from the network of the containers, by no other that leads to it.
  const status = (host: string) =>
    `new Promise((resolve) => require('node:http').get('http://gateway:8080/system', { headers: { host: '${host}' } }, (r) => resolve(r.statusCode)))`;
  expectEqual('a call to gateway', await evaluateIn('worker', status('gateway:8080')), 200);
  expectEqual('a call to another name', await evaluateIn('worker', status('attacker.example')), 403);
}

/** Health and metrics of every worker can be read from another container. */
async function expectWorkerMetrics(workers: number) {
  const everyWorker = (path: string, read: string) =>
    `require('node:dns').promises.resolve4('worker').then((all) =>
      Promise.all(all.map((host) => fetch('http://' + host + ':8081${path}').then((r) => ${read}))))`;
  const ready = await evaluateIn('gateway', everyWorker('/readyz', 'r.status'));
  expectEqual('/readyz of the workers', ready, Array(workers).fill(200));
  const metrics = ((await evaluateIn('gateway', everyWorker('/metrics', 'r.text()'))) as string[]).join('\n');
  // What the queries of docs/operations.md read from workers.
  for (const name of ['facequeue_stage_duration_seconds_sum', 'facequeue_jobs_ended_total', 'facequeue_worker_engines'])
    if (!metrics.includes(`\n${name}{`)) throw new Error(`the metrics of the workers lack ${name}`);
}

/** No container may gain anything, and each has a limit on memory and processes. */
async function expectConfinedContainers() {
  const ids = (await compose('ps', '--quiet')).trim().split('\n');
  const containers = JSON.parse(await docker('inspect', ...ids)) as {
    Name: string;
    HostConfig: { Memory: number; PidsLimit: number; ReadonlyRootfs: boolean };
  }[];
  expectEqual('containers', containers.length, 5);
  for (const { Name, HostConfig } of containers) {
    const limited = HostConfig.Memory >= 2 ** 30 && HostConfig.PidsLimit >= 256 && HostConfig.ReadonlyRootfs;
    if (!limited) throw new Error(`${Name} is not limited: ${JSON.stringify(HostConfig)}`);
  }
  for (const service of ['gateway', 'worker', 'redis']) {
    const status = await compose('exec', '-T', service, 'cat', '/proc/1/status');
    const member = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1];
    const [user, gains, ...capabilities] = ['Uid', 'NoNewPrivs', 'CapEff', 'CapPrm', 'CapBnd'].map(member);
    if (user === '0') throw new Error(`${service} runs as root`);
    expectEqual(`NoNewPrivs of ${service}`, gains, '1');
    expectEqual(`capabilities of ${service}`, capabilities, Array(3).fill('0'.repeat(16)));
  }
}

/** Engines are confined as far as a container without capabilities can: log and /system say that the network is left to them. */
async function expectConfinedEngines() {
  const confined = {
    in_force: ['no_new_privileges', 'no_capabilities', 'limits'],
    missing: ['own_user', 'no_network', 'read_only'],
  };
  const { workers } = (await (await fetch(`${url}/system`)).json()) as { workers: { sandbox: unknown }[] };
  expectEqual(
    'sandboxes in /system',
    workers.map(({ sandbox }) => sandbox),
    Array(3).fill(confined),
  );
  const lines = (await compose('logs', '--no-log-prefix', '--no-color', 'worker')).split('\n');
  const said = lines
    .filter((line) => line.includes('"engines are confined"'))
    .map((line) => JSON.parse(line) as typeof confined);
  expectEqual(
    'sandboxes in the log',
    said.map(({ in_force, missing }) => ({ in_force, missing })),
    Array(3).fill(confined),
  );
}

/** Redis answers nobody without the password, which is in no environment and on no command line. */
async function expectPassword() {
  const answer = `new Promise((resolve, reject) => {
    const socket = require('node:net').connect(6379, 'redis', () => socket.write('PING\\r\\n'));
    socket.once('data', (data) => { socket.destroy(); resolve(data.toString().split(' ')[0]); }).once('error', reject);
  })`;
  expectEqual('Redis without a password', await evaluateIn('worker', answer), '-NOAUTH');
  const address = (await compose('exec', '-T', 'worker', 'cat', '/run/facequeue/redis.url')).trim();
  const password = /^redis:\/\/:([0-9a-f]{64})@redis:6379$/.exec(address)?.[1];
  if (!password) throw new Error('redis.url has no address with a password');
  const withPassword = ['exec', '-T', '--env', `REDISCLI_AUTH=${password}`, 'redis', 'redis-cli'];
  expectEqual('Redis with its password', (await compose(...withPassword, 'ping')).trim(), 'PONG');
  for (const service of ['gateway', 'worker', 'redis']) {
    const process = await compose('exec', '-T', service, 'cat', '/proc/1/environ', '/proc/1/cmdline');
    if (process.includes(password)) throw new Error(`the password is in the environment or arguments of ${service}`);
  }
}

/** Redis starts on the volume of a release that had no password, and has what is in it. */
async function keepsOlderData() {
  await compose('down', '--volumes', '--timeout', '5');
  const volume = `${env.COMPOSE_PROJECT_NAME}_redis-data`;
  const older = `chown redis:redis /data && exec setpriv --reuid redis --regid redis --clear-groups sh -c '
    redis-server --daemonize yes --dir /data --appendonly yes --save "" --logfile /data/log
    until redis-cli set kept yes; do sleep 0.2; done; redis-cli shutdown; while redis-cli ping; do sleep 0.2; done'`;
  await docker('run', '--rm', '--volume', `${volume}:/data`, 'redis:7-bookworm', 'sh', '-c', older);
  await compose('up', '--detach', '--wait', 'redis');
  const get = 'REDISCLI_AUTH=$(cat /run/facequeue/password) redis-cli get kept';
  expectEqual('data of the older volume', (await compose('exec', '-T', 'redis', 'sh', '-c', get)).trim(), 'yes');
}

/** facequeue.env, which git ignores, overrides the shell and may have settings that docker-compose.yml does not list. */
async function expectPrivateSettings() {
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-compose-'));
  try {
    for (const file of ['docker-compose.yml', 'deploy', '.env'])
      cpSync(join(ROOT, file), join(folder, file), { recursive: true });
    writeFileSync(
      join(folder, 'facequeue.env'),
      'MAX_ATTEMPTS=7\nAWS_PROFILE=archive\nALLOWED_HOSTS=faces.example.org\n',
    );
    const { stdout } = await promisify(execFile)('docker', ['compose', 'config', '--format', 'json'], {
      cwd: folder,
      env,
    });
    const { services } = JSON.parse(stdout) as { services: Record<string, { environment: Record<string, string> }> };
    const { MAX_ATTEMPTS, AWS_PROFILE, SYNC_WAIT } = services['worker']!.environment;
    expectEqual('hosts', services['gateway']!.environment['ALLOWED_HOSTS'], 'faces.example.org');
    expectEqual('settings of facequeue.env', [MAX_ATTEMPTS, AWS_PROFILE, SYNC_WAIT], ['7', 'archive', undefined]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** No image contains tests or their support code; the gateway's has no AWS SDK. */
async function expectNothingSuperfluous() {
  const find = (service: string, ...what: string[]) =>
    compose('exec', '-T', service, 'find', '/app', ...what).then((found) => found.trim());
  const support = [
    '(',
    '-path',
    '/app/node_modules',
    '-prune',
    '-o',
    '(',
    '-name',
    '*.test.ts',
    '-o',
    '-name',
    'testing',
  ];
  for (const service of ['gateway', 'worker']) {
    const found = await find(
      service,
      ...support,
      '-o',
      '-name',
      'conformance',
      '-o',
      '-path',
      '*audit/src*',
      ')',
      '-print',
      ')',
    );
    expectEqual(`superfluous files in ${service}`, found, '');
  }
  expectEqual('AWS SDK in gateway', await find('gateway', '-path', '*/node_modules/@aws-sdk/*', '-maxdepth', '3'), '');
}

/** Without a GPU, the image for GPUs exits with a reason and does not fall back to the CPU. */
async function refusesWithoutGpu() {
  await compose('--profile', 'gpu', 'build', 'worker-gpu');
  const image = `${env.COMPOSE_PROJECT_NAME}-worker-gpu`;
  const there = [
    '--network',
    `${env.COMPOSE_PROJECT_NAME}_default`,
    '--env',
    'REDIS_URL_FILE=/run/facequeue/redis.url',
  ];
  there.push('--volume', `${env.COMPOSE_PROJECT_NAME}_redis-address:/run/facequeue:ro`);
  const { code, output } = await promisify(execFile)('docker', ['run', '--rm', ...there, image]).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ ...error, output: error.stdout + error.stderr }),
  );
  if (code === 0 || !output.includes('DEVICE=webgpu cannot be used'))
    throw new Error(`a GPU worker without GPU ended with ${code}: ${output}`);
  await promisify(execFile)('docker', ['image', 'rm', image]);
}

try {
  await compose('up', '--build', '--detach', '--scale', 'worker=3');
  await until('ready', async () => (await fetch(`${url}/readyz`)).ok);
  await expectOneFace();
  await expectSettings();
  await expectPrivateSettings();
  await expectNothingSuperfluous();
  await until('three workers', async () => (await workersSeen()) === 3);
  await expectConfinedContainers();
  await expectConfinedEngines();
  await expectPassword();
  const load = callers(6);
  await load.more(12);
  await compose('up', '--detach', '--no-recreate', '--scale', 'worker=1');
  await load.more(12);
  await compose('up', '--detach', '--no-recreate', '--scale', 'worker=3');
  await until('three workers again', async () => (await workersSeen()) === 3);
  await load.more(12);
  await load.end();
  await expectWorkerMetrics(3);
  for (const id of load.jobs) {
    const job = (await (await fetch(`${url}/jobs/${id}`)).json()) as { status: string };
    if (job.status !== 'succeeded') throw new Error(`${id} is ${job.status}`);
  }
  console.log(`${load.jobs.length} jobs while scaling from three workers to one and back: none failed, none lost`);
  await refusesWithoutGpu();
  const images = JSON.parse(await compose('images', '--format', 'json')) as { Repository: string; Size: number }[];
  const sizes = new Map(images.map(({ Repository, Size }) => [Repository, Size]));
  for (const [name, size] of sizes) console.log(`${name} ${Math.round(size / 1e6)} MB`);
  await keepsOlderData();
  console.log('docker compose serves; scaling works');
} catch (error) {
  console.error(await compose('logs', '--tail', '50').catch(String));
  throw error;
} finally {
  await compose('down', '--volumes', '--timeout', '5');
}
