import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompletionWait, type JobRecord, type NewJob, newJobId } from '@facequeue/queue';
import { decodeResult } from '@facequeue/schema/result-codec';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseExposition, seriesValue } from '../../../test/support/metrics/exposition.ts';
import { freePort } from '../../../test/support/processes/free-port.ts';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import { startFileServer } from '../../../test/support/servers/file-server.ts';
import { startStallingServer } from '../../../test/support/servers/stalling-server.ts';
import { freshInstallation, type TestInstallation } from './testing/installation.ts';
import { freeze, spawnWorker, startTestWorker, thaw, type WorkerProcess } from './testing/worker-process.ts';

const image = (name: string) => new Uint8Array(readFileSync(new URL(`../../../test/images/${name}`, import.meta.url)));
const ASTRONAUT = image('astronaut.png');
const PORTRAIT = image('portrait-1.jpg');
const CAT = image('no-face-cat.png');

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const installation = () => freshInstallation(redis);

type Source = NewJob['source'];
const inline = (bytes: Uint8Array): Source => ({ kind: 'inline', bytes });
const remote = (url: string): Source => ({ kind: 'url', url });

async function submit(
  { queue, submit: submitJob }: TestInstallation,
  source: Source,
  more: Partial<NewJob> = {},
): Promise<{ id: string; wait: CompletionWait }> {
  const id = newJobId();
  const wait = queue.wait(id);
  await submitJob({ id, source, ...more });
  return { id, wait };
}

async function ended({ wait }: { wait: CompletionWait }, limitMs = 30_000): Promise<JobRecord> {
  using open = wait;
  const record = await open.ended(limitMs);
  if (!record) throw new Error(`the job did not end in ${limitMs} ms`);
  return record;
}

const faces = (record: JobRecord) => decodeResult(record.result!).Faces;

/** Submits portraits of which the first is inside an engine, which is frozen. */
async function stuckInEngines(worker: WorkerProcess, fresh: TestInstallation, count: number) {
  freeze(worker.engines());
  const jobs = await Promise.all(Array.from({ length: count }, () => submit(fresh, inline(PORTRAIT))));
  const status = async () => (await fresh.queue.read(jobs[0]!.id))?.status;
  await expect.poll(status, { timeout: 20_000 }).toBe('processing');
  return jobs;
}

const exited = (pids: number[]) =>
  vi.waitFor(() => expect(pids.filter((pid) => existsSync(`/proc/${pid}/exe`) && !zombie(pid))).toEqual([]), {
    timeout: 10_000,
  });
function zombie(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

describe('a worker', () => {
  it.each(['1s', '1h'])(
    'finds a face under ENGINE_TIMEOUT=%s, the least and the most, without a second attempt',
    async (limit) => {
      await using fresh = await installation();
      await using worker = await startTestWorker({ ...fresh.env, ENGINE_TIMEOUT: limit });
      const records: JobRecord[] = [];
      // A machine that does something else for a second is no fault of the limit: of a few images, one ends within it.
      const late = () => limit === '1s' && records.at(-1)!.error?.code === 'engine_timeout';
      do records.push(await ended(await submit(fresh, inline(ASTRONAUT))));
      while (late() && records.length < 5);
      const record = records.at(-1)!;
      expect(record).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(faces(record)).toHaveLength(1);
      expect(worker.log().split('engine exited')).toHaveLength(records.length);
    },
  );

  it('finds the faces of inline images and of fetched images', async () => {
    await using fresh = await installation();
    const files = await startFileServer(new Map([['/portrait.jpg', PORTRAIT]]));
    await using _worker = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: files.host });
    const jobs = await Promise.all([
      submit(fresh, inline(ASTRONAUT)),
      submit(fresh, remote(files.url('/portrait.jpg'))),
      submit(fresh, inline(CAT), { queue: 'bulk' }),
    ]);
    const [astronaut, portrait, cat] = (await Promise.all(jobs.map((job) => ended(job)))) as [
      JobRecord,
      JobRecord,
      JobRecord,
    ];
    await files.close();
    for (const record of [astronaut, portrait]) {
      expect(record).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(faces(record)).toHaveLength(1);
      expect(faces(record)[0]!.landmark_106).toHaveLength(106);
      expect(Object.keys(record.timings).sort()).toEqual(
        ['attributes', 'decode', 'detect', 'fetch', 'landmarks', 'queue'].sort(),
      );
    }
    expect(cat.status).toBe('succeeded');
    expect(faces(cat)).toEqual([]);
    expect(astronaut.image).toEqual({
      width: 512,
      height: 512,
      format: 'png',
      bytes: ASTRONAUT.length,
      orientation: 1,
    });
    expect(portrait.image).toMatchObject({ format: 'jpeg', bytes: PORTRAIT.length });
    expect(astronaut.timings.queue).toBeLessThanOrEqual(astronaut.startedAt! - astronaut.createdAt);
  });

  it('fails a job whose image is at fault with its error code, and continues', async () => {
    await using fresh = await installation();
    const files = await startFileServer(new Map());
    await using _worker = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: files.host });
    const bad: [Source, string][] = [
      [inline(Buffer.from('a text')), 'unsupported_media_type'],
      [inline(PORTRAIT.subarray(0, PORTRAIT.length / 2)), 'image_undecodable'],
      [remote(files.url('/nothing.jpg')), 'source_unreachable'],
      [remote('http://169.254.169.254/latest/meta-data'), 'source_forbidden'],
      [remote('s3://bucket/key'), 'source_forbidden'],
    ];
    for (const [source, code] of bad) {
      const record = await ended(await submit(fresh, source));
      expect(record).toMatchObject({ status: 'failed', error: { code }, attempts: 1 });
    }
    await files.close();
    expect(faces(await ended(await submit(fresh, inline(ASTRONAUT))))).toHaveLength(1);
  });

  it('sends a heartbeat every 2 s from the moment it takes jobs until it ends', async () => {
    await using fresh = await installation();
    const worker = await startTestWorker({ ...fresh.env, ENGINES: '2', WORKER_QUEUES: 'bulk' });
    const [info] = (await fresh.queue.snapshot()).workers;
    expect(info).toMatchObject({ device: 'cpu', engines: 2, queues: ['bulk'], busy: 0, version: expect.any(String) });
    expect(info!.models!.name).not.toBe('');
    expect(worker.engines()).toHaveLength(2);
    const workers = async () => (await fresh.queue.snapshot()).workers.length;
    const raw = new Redis(redis.url);
    const key = `${fresh.env['QUEUE_PREFIX']}:workers`;
    for (let beats = 0; beats < 2; beats++) {
      expect(await raw.hdel(key, info!.id)).toBe(1);
      await expect.poll(() => raw.hexists(key, info!.id)).toBe(1);
    }
    raw.disconnect();
    await expect.poll(workers).toBe(1);
    await worker.end('SIGTERM');
    await expect.poll(workers).toBe(0);
  });

  it('serves only its own queues', async () => {
    await using fresh = await installation();
    await using _worker = await startTestWorker({ ...fresh.env, WORKER_QUEUES: 'bulk' });
    const [queued, bulk] = [await submit(fresh, inline(CAT)), await submit(fresh, inline(CAT), { queue: 'bulk' })];
    expect((await ended(bulk)).status).toBe('succeeded');
    expect((await fresh.queue.read(queued.id))?.status).toBe('queued');
    queued.wait[Symbol.dispose]();
  });

  it('answers health probes on its port, and a second worker on that port does not start', async () => {
    await using fresh = await installation();
    const port = await freePort();
    await using worker = await startTestWorker({ ...fresh.env, WORKER_PORT: String(port) });
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect(await ask('/livez')).toBe(200);
    expect(await ask('/readyz')).toBe(200);
    const second = await spawnWorker({ ...fresh.env, WORKER_PORT: String(port) });
    expect(second.first).toEqual({ type: 'failed', message: expect.stringContaining(`127.0.0.1:${port}`) });
    expect(await second.exited).toBe(1);
    expect(worker.engines()).toHaveLength(1);
  });

  it('serves its metrics on that port', async () => {
    await using fresh = await installation();
    const port = await freePort();
    await using _worker = await startTestWorker({ ...fresh.env, WORKER_PORT: String(port) });
    const scrape = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      const families = parseExposition(await response.text());
      return (...series: [string, Record<string, string>?]) => seriesValue(families, ...series);
    };
    const queue = { queue: 'interactive' };
    const before = await scrape();
    expect(before('facequeue_jobs_ended_total', { ...queue, outcome: 'succeeded' })).toBe(0);
    expect(before('facequeue_worker_engines', { state: 'ready' })).toBe(1);
    await ended(await submit(fresh, inline(PORTRAIT)));
    await ended(await submit(fresh, inline(PORTRAIT.subarray(0, 5000))));
    const value = await scrape();
    expect(value('facequeue_jobs_ended_total', { ...queue, outcome: 'succeeded' })).toBe(1);
    expect(value('facequeue_jobs_ended_total', { ...queue, outcome: 'image_undecodable' })).toBe(1);
    for (const stage of ['queue', 'fetch', 'decode', 'detect', 'landmarks', 'attributes']) {
      const count = value('facequeue_stage_duration_seconds_count', { ...queue, stage });
      expect(count, stage).toBe(['queue', 'fetch'].includes(stage) ? 2 : 1);
    }
    expect(value('facequeue_engine_resident_memory_bytes', { engine: '0' })).toBeGreaterThan(50e6);
    expect(value('facequeue_permits_waiting', { lane: 'interactive' })).toBe(0);
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('facequeue_info', { app: 'worker', version: '0.1.0', node: process.version })).toBe(1);
  });

  it('that only delivers webhooks is among the workers, too', async () => {
    await using fresh = await installation();
    await using worker = await startTestWorker({ ...fresh.env, WORKER_QUEUES: 'webhooks' });
    expect((await fresh.queue.snapshot()).workers).toMatchObject([
      { queues: ['webhooks'], device: null, models: null, engines: 0, busy: 0, load: 0 },
    ]);
    expect(worker.engines()).toEqual([]);
  });

  it('keeps settings and credentials out of the environment of its engines', async () => {
    await using fresh = await installation();
    await using worker = await startTestWorker({
      ...fresh.env,
      AWS_SECRET_ACCESS_KEY: 'hush',
      VK_LAYER_PATH: '/kept',
    });
    const environ = readFileSync(`/proc/${worker.engines()[0]}/environ`, 'utf8');
    expect(environ).not.toContain(redis.url);
    expect(environ).not.toContain('hush');
    expect(environ).toContain('/kept');
  });
});

describe('a worker one of whose engines hangs', () => {
  it('fails the job inside after one try, and no other', async () => {
    await using fresh = await freshInstallation(redis);
    await using worker = await startTestWorker({ ...fresh.env, ENGINES: '2', ENGINE_TIMEOUT: '8s' });
    const [hanging] = worker.engines();
    freeze([hanging!]);
    const jobs = await Promise.all(Array.from({ length: 20 }, () => submit(fresh, inline(CAT))));
    const records = await Promise.all(jobs.map((job) => ended(job)));
    const failed = records.filter(({ status }) => status !== 'succeeded');
    expect(failed).toMatchObject([{ status: 'failed', error: { code: 'engine_timeout' }, attempts: 1 }]);
    for (const record of records) expect(record.attempts).toBe(1);
    expect(worker.engines()).not.toContain(hanging);
  });
});

describe('a worker whose engines are killed', () => {
  it('still answers every image', { timeout: 120_000 }, async () => {
    await using fresh = await installation();
    await using worker = await startTestWorker({ ...fresh.env, ENGINES: '2' });
    const first = worker.engines();
    const jobs = await stuckInEngines(worker, fresh, 16);
    for (const pid of first) process.kill(pid, 'SIGKILL');
    // Two engines start for the first of them, which takes most of the time.
    for (const record of await Promise.all(jobs.map((job) => ended(job, 90_000)))) {
      expect(record).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(faces(record)).toHaveLength(1);
    }
    await expect.poll(() => worker.engines(), { timeout: 20_000 }).toHaveLength(2);
    expect(worker.engines().filter((pid) => first.includes(pid))).toEqual([]);
  });
});

describe('a worker whose engines do not come up again', () => {
  it('is not ready and sends no heartbeat, retries, and runs the queued jobs once they do', async () => {
    await using fresh = await installation();
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-pack-'));
    const manifest = join(folder, 'manifest.json');
    const port = await freePort();
    try {
      cpSync(fileURLToPath(new URL('../../../models', import.meta.url)), folder, { recursive: true });
      await using worker = await startTestWorker({ ...fresh.env, MODEL_PACK: manifest, WORKER_PORT: String(port) });
      const ready = async () =>
        (await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()) as { status: string; checks: object };
      expect(await ready()).toEqual({ status: 'ok', checks: { redis: true, engines: true, taking: true } });
      renameSync(manifest, `${manifest}.away`);
      process.kill(worker.engines()[0]!, 'SIGKILL');
      await expect.poll(async () => (await ready()).checks).toMatchObject({ redis: true, engines: false });
      const job = await submit(fresh, inline(CAT));
      await vi.waitFor(async () => expect((await fresh.queue.snapshot()).workers).toEqual([]), { timeout: 30_000 });
      expect((await fresh.queue.read(job.id))?.status).toBe('queued');
      renameSync(`${manifest}.away`, manifest);
      expect(await ended(job)).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(await ready()).toMatchObject({ status: 'ok' });
      await vi.waitFor(async () => expect((await fresh.queue.snapshot()).workers).toHaveLength(1), { timeout: 10_000 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a worker that is told to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('finishes its active jobs and exits with 0 (%s)', async (signal) => {
    await using fresh = await installation();
    const worker = await startTestWorker({ ...fresh.env, ENGINE_TIMEOUT: '1m' });
    const engines = worker.engines();
    const jobs = await stuckInEngines(worker, fresh, 30);
    const end = worker.end(signal);
    await expect.poll(() => worker.log()).toContain('"stopping"');
    thaw(engines);
    expect(await end).toBe(0);
    await exited(engines);
    const records = await Promise.all(jobs.map(({ id }) => fresh.queue.read(id)));
    expect(records[0]?.status).toBe('succeeded');
    // It ended the jobs it had claimed; the others wait for another worker.
    const statuses = new Set(records.map((record) => record!.status));
    expect(statuses).toEqual(new Set(['succeeded', 'queued']));
    await using _next = await startTestWorker(fresh.env);
    for (const record of await Promise.all(jobs.map((job) => ended(job)))) {
      expect(record).toMatchObject({ status: 'succeeded', attempts: 1 });
    }
  });

  it('releases jobs that do not end within the grace, and another worker runs them', async () => {
    await using fresh = await installation();
    await using stuck = await startStallingServer(PORTRAIT);
    const worker = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: stuck.host, SHUTDOWN_GRACE: '50ms' });
    const job = await submit(fresh, remote(stuck.url('/')));
    await stuck.requested('/');
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await fresh.queue.read(job.id)).toMatchObject({ status: 'queued', attempts: 1 });
    // The other worker may not fetch from there, which ends the job.
    await using _next = await startTestWorker(fresh.env);
    expect(await ended(job)).toMatchObject({ status: 'failed', attempts: 2, error: { code: 'source_forbidden' } });
  });

  it('ends a few seconds after its grace though Redis is away and a job does not end', async () => {
    await using own = await startRedis();
    await using fresh = await freshInstallation(own);
    await using stuck = await startStallingServer(PORTRAIT);
    const worker = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: stuck.host, SHUTDOWN_GRACE: '50ms' });
    const job = await submit(fresh, remote(stuck.url('/')));
    await stuck.requested('/');
    await own.kill();
    const began = performance.now();
    expect(await worker.end('SIGTERM')).toBe(0);
    // 3 s to release its jobs, and 3 s to close its connections.
    expect(performance.now() - began).toBeLessThan(20_000);
    job.wait[Symbol.dispose]();
  });

  it('exits at once at the second signal', async () => {
    await using fresh = await installation();
    await using stuck = await startStallingServer(PORTRAIT);
    const worker = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: stuck.host });
    const engines = worker.engines();
    const job = await submit(fresh, remote(stuck.url('/')));
    await stuck.requested('/');
    worker.child.kill('SIGINT');
    await expect.poll(() => worker.log()).toContain('"stopping"');
    const at = performance.now();
    expect(await worker.end('SIGINT')).toBe(1);
    // The grace period would be 20 s.
    expect(performance.now() - at).toBeLessThan(10_000);
    await exited(engines);
    await fresh.queue.cancel(job.id);
    job.wait[Symbol.dispose]();
  });

  it('with kill -9 leaves no engine, and another worker runs its jobs and removes its scratch folder', async () => {
    await using fresh = await installation();
    // Of these workers alone: any other that starts on this machine would remove the folder, too.
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-scratch-'));
    using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
    const env = { ...fresh.env, TMPDIR: folder };
    const worker = await startTestWorker(env);
    const engines = worker.engines();
    expect(engines).toHaveLength(1);
    const jobs = await stuckInEngines(worker, fresh, 4);
    const scratch = readlinkSync(`/proc/${engines[0]}/cwd`);
    expect(scratch).toContain('facequeue-engines-');
    await worker.end('SIGKILL');
    thaw(engines);
    await exited(engines);
    expect(existsSync(scratch)).toBe(true);
    await using _next = await startTestWorker(env);
    for (const record of await Promise.all(jobs.map((job) => ended(job)))) expect(record.status).toBe('succeeded');
    expect(existsSync(scratch)).toBe(false);
  });
});

describe('a job canceled while its image is fetched', () => {
  it('disconnects from the server without waiting for the time-out', async () => {
    await using fresh = await installation();
    await using stuck = await startStallingServer(PORTRAIT);
    await using _worker = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: stuck.host });
    const job = await submit(fresh, remote(stuck.url('/')));
    await stuck.requested('/');
    const canceled = performance.now();
    await fresh.queue.cancel(job.id);
    await stuck.disconnected('/');
    // The fetch alone would end after SOURCE_TIMEOUT, 15 s.
    expect(performance.now() - canceled).toBeLessThan(10_000);
    expect(await ended(job)).toMatchObject({ status: 'canceled' });
    expect((await ended(await submit(fresh, inline(CAT)))).status).toBe('succeeded');
  });
});

describe('a worker that cannot start', () => {
  /** Why it ended: reported to its parent, or printed when it has none. */
  const start = async (env: Record<string, string>) => {
    const { first, exited, log } = await spawnWorker(env);
    if (first?.type !== 'failed') throw new Error(`its first message was ${JSON.stringify(first)}`);
    const code = await exited;
    expect(log()).toBe('');
    const alone = await spawnWorker(env, { supervised: false });
    expect(await alone.exited).toBe(code);
    expect(alone.log()).toBe(`The worker cannot start: ${first.message}\n`);
    return { code, message: first.message };
  };

  it('names every bad setting, and exits with 2', async () => {
    const { code, message } = await start({ REDIS_URL: redis.url, ENGINES: '0', WORKER_QUEUES: 'fast' });
    expect(code).toBe(2);
    expect(message).toMatch(
      /^ENGINES is "0"; expected auto or a whole number from 1 to 256\nWORKER_QUEUES .*some of interactive, bulk, cameras, webhooks$/,
    );
    expect((await start({})).message).toMatch('REDIS_URL is not set');
  });

  it.each([
    [0o644, true],
    [0o640, false],
  ])('warns about a file of credentials that every user can read (mode %i: %s)', async (mode, warned) => {
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-worker-'));
    try {
      const file = join(folder, 'credentials.json');
      writeFileSync(file, '{"http://camera.lan": {"token": "sesame"}}', { mode });
      const fresh = await installation();
      await using _ = fresh;
      await using worker = await startTestWorker({
        ...fresh.env,
        WORKER_QUEUES: 'webhooks',
        SOURCE_CREDENTIALS_FILE: file,
      });
      expect(worker.log().includes('can read SOURCE_CREDENTIALS_FILE')).toBe(warned);
      expect(worker.log()).not.toContain('sesame');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says what is wrong with its file of credentials without a word of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-worker-'));
    try {
      const file = join(folder, 'credentials.json');
      writeFileSync(file, '{"http://camera.lan": {"user": "viewer", "password": "sesame", "x": 1}}');
      const { code, message } = await start({ REDIS_URL: redis.url, SOURCE_CREDENTIALS_FILE: file });
      expect(code).toBe(2);
      expect(message).toMatch(
        /^SOURCE_CREDENTIALS_FILE is .*: http:\/\/camera.lan needs "user" and "password", or "token"/,
      );
      expect(message).not.toContain('sesame');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names the model pack or device that does not work, and exits with 1', async () => {
    for (const [env, text] of [
      [{ MODEL_PACK: '/no/such/manifest.json' }, '/no/such/manifest.json'],
      [{ DEVICE: 'tensorrt' }, 'DEVICE=tensorrt cannot be used: '],
      [{ DEVICE: 'cuda:7' }, 'DEVICE=cuda:7 cannot be used: '],
    ] as const) {
      const { code, message } = await start({ REDIS_URL: redis.url, ENGINES: '2', ...env });
      expect(code).toBe(1);
      expect(message).toContain(text);
    }
  });
});

describe('the log', () => {
  it('names the device of the engines, how many there are, and why', async () => {
    await using fresh = await installation();
    // A driver is named, so that devices are compared, but there is none; nor has CUDA a GPU.
    const driver = '/nowhere/icd.json';
    const noGpu = { VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, CUDA_VISIBLE_DEVICES: '' };
    await using worker = await startTestWorker({ ...fresh.env, ...noGpu, DEVICE: 'auto', ENGINES: 'auto' });
    const line = worker
      .log()
      .split('\n')
      .find((text) => text.includes('engines are warm'))!;
    expect(JSON.parse(line)).toMatchObject({
      device: 'cpu',
      reason: expect.stringMatching(/^no GPU can be used: cuda: .+; webgpu: .+/),
      engines: availableParallelism(),
      limited_by: 'cores',
    });
    expect(worker.engines()).toHaveLength(availableParallelism());
  });

  it('has job and request ids, and neither the query of an image URL nor detected faces', async () => {
    await using fresh = await installation();
    const files = await startFileServer(new Map());
    const worker: WorkerProcess = await startTestWorker({ ...fresh.env, SOURCE_ALLOW: files.host });
    const lost = await ended(await submit(fresh, remote(files.url('/a.jpg?token=secret'))));
    const found = await ended(await submit(fresh, inline(ASTRONAUT)));
    await worker.end('SIGTERM');
    await files.close();
    for (const { id } of [lost, found]) expect(worker.log()).toContain(`"job_id":"${id}","request_id":"req-1"`);
    expect(worker.log()).toContain('"code":"source_unreachable"');
    expect(worker.log()).not.toContain('secret');
    expect(worker.log()).not.toMatch(/landmark_106|BoundingBox|"x":/);
  });
});
