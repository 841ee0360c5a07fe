/** The command against a real gateway, a worker with canned results and a fake ffmpeg. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, problem, startScriptedServer, stream } from '../../../../packages/client/src/testing/scripted-server.ts';
import {
  CANNED_OUTCOME,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { allProcesses } from '../../../../test/support/processes/process-table.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { fakeFfmpeg, frameOf, type Run } from './testing/fake-ffmpeg.ts';
import { startWatch } from './testing/watching.ts';

const CAMERA = 'rtsp://user:secret@camera.example:554/live?token=secret';
const DEADLINE = { timeout: 20_000 };

let redis: TestRedis;
let folder: string;
let video: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'facequeue-watch-'));
  video = join(folder, 'a:b.mp4');
  writeFileSync(video, '');
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await redis?.stop();
});

/** A service whose worker fails frame 13 and finds a face in every other frame. */
async function startAll(env: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack();
  const gateway: TestGateway = stack.use(await startTestGateway(redis.url, env));
  const worker: CannedWorker = stack.use(
    await startCannedWorker(gateway, (_, bytes) =>
      frameOf(bytes) === 13
        ? { status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } }
        : CANNED_OUTCOME,
    ),
  );
  const owned = stack.move();
  return { gateway, worker, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Runs the command to its end. */
async function watched(plan: Run[], url: string, args: string[]) {
  using ffmpeg = fakeFfmpeg(...plan);
  const watching = startWatch(['--camera', 'gate-1', ...args], { ...ffmpeg.env, FACEQUEUE_URL: url });
  const code = await watching.code;
  return { code, stdout: watching.stdout(), stderr: watching.stderr(), runs: ffmpeg.runs() };
}

/**
 * A service that accepts frames whose jobs then expire.
 * @param isFull whether the queue is full for the n-th request, from 1
 */
async function startExpiringService(isFull: (count: number) => boolean | Promise<boolean> = () => false) {
  const service = await startScriptedServer();
  let posts = 0;
  const job = (n: number) => ({
    id: `01930000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    status: 'expired',
    finished_at: '2026-01-01T00:00:01.000Z',
  });
  service.answers = [
    async (response, request) => {
      const path = request.url!.split('?')[0]!;
      if (path === '/cameras') return json({ cameras: [] })(response, request);
      if (path.startsWith('/jobs/')) return json(job(Number(path.slice(-12))))(response, request);
      if (path.endsWith('/events')) return stream('id: start\n\n', 'stay')(response, request);
      const count = ++posts;
      if (await isFull(count)) return problem('queue_full', { 'retry-after': '1' })(response, request);
      json(job(count), {}, 202)(response, request);
    },
  ];
  const posted = () => service.seen.filter(({ method }) => method === 'POST').map(({ body }) => frameOf(body));
  return Object.assign(service, { posted, [Symbol.asyncDispose]: () => service.kill() });
}

function isRunning(pid: number): boolean {
  return allProcesses().some((one) => one.pid === pid);
}

describe('watch FILE', () => {
  it('prints the faces of each frame with the time at which the file shows it, and ends', async () => {
    await using all = await startAll();
    const start = ['--start', '2026-01-02T04:04:05+01:00', '--fps', '2.5', '--profile', 'fast', '--max-faces', '3'];
    const { code, stdout, stderr, runs } = await watched([{ frames: [1, 2, 3], ends: 'well' }], all.gateway.url, [
      video,
      ...start,
    ]);
    expect(stdout).toBe(
      '2026-01-02T03:04:05.000Z  1 face  0.90\n2026-01-02T03:04:05.400Z  1 face  0.90\n2026-01-02T03:04:05.800Z  1 face  0.90\n',
    );
    expect([code, stderr]).toEqual([0, '3 frames submitted, 3 results.\n']);
    expect(all.worker.seen.map(({ bytes }) => frameOf(bytes))).toEqual([1, 2, 3]);
    expect(all.worker.seen[0]!.job.options).toMatchObject({ profile: 'fast', max_faces: 3 });
    const { args } = runs[0]!;
    expect(args).toEqual(expect.arrayContaining(['-i', `file:${video}`]));
    // It is read as fast as possible.
    expect(args).not.toContain('-re');
  });

  it('prints events as JSON, or nothing', async () => {
    await using all = await startAll();
    const plan: Run[] = [{ frames: [1], ends: 'well' }];
    const { stdout } = await watched(plan, all.gateway.url, [video, '--json', '--start', '2026-01-02T03:04:05Z']);
    expect(JSON.parse(stdout)).toMatchObject({
      camera: 'gate-1',
      status: 'succeeded',
      frame_time: '2026-01-02T03:04:05.000Z',
      result: { Faces: [{ Confidence: 0.9 }] },
    });
    expect(await watched(plan, all.gateway.url, [video, '--quiet'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('processes every frame and is never far ahead of the service', async () => {
    await using gateway = await startTestGateway(redis.url);
    let most = 0;
    await using worker = await startCannedWorker(gateway, async () => {
      const { counts } = (await gateway.queue.cameras.read('', 'gate-1'))!;
      most = Math.max(most, counts.waiting + counts.processing);
      return CANNED_OUTCOME;
    });
    const frames = Array.from({ length: 120 }, (_, i) => i % 12);
    const { code, stdout } = await watched([{ frames, ends: 'well' }], gateway.url, [video]);
    expect(code).toBe(0);
    expect(stdout.match(/1 face/g)).toHaveLength(120);
    expect(worker.seen.map(({ bytes }) => frameOf(bytes))).toEqual(frames);
    expect(most).toBeLessThanOrEqual(32);
  });

  it('submits no more than 32 frames ahead', async () => {
    await using service = await startExpiringService();
    const { code } = await watched([{ frames: Array(60).fill(1), ends: 'well' }], service.baseUrl, [video]);
    expect(code).toBe(0);
    const firstJobRead = service.seen.findIndex(({ url }) => url!.startsWith('/jobs/'));
    const isPost = ({ method }: { method?: string | undefined }) => method === 'POST';
    expect(service.seen.slice(0, firstJobRead).filter(isPost)).toHaveLength(32);
    expect(service.seen.filter(isPost)).toHaveLength(60);
  });

  it('prints the error of a frame, continues, and exits with 1', async () => {
    await using all = await startAll();
    const { code, stdout } = await watched([{ frames: [13, 1], ends: 'well' }], all.gateway.url, [video]);
    expect(stdout).toMatch(/Z {2}image_undecodable: half an image\n.*Z {2}1 face/);
    expect(code).toBe(1);
  });

  it('ends when frames were dropped, which have no event', async () => {
    await using gateway = await startTestGateway(redis.url);
    const { code, stdout, stderr } = await watched([{ frames: [1, 2], ends: 'well' }], gateway.url, [
      video,
      '--max-age',
      '0.1',
    ]);
    expect([code, stdout, stderr]).toEqual([0, '', '2 frames submitted, 0 results.\n']);
    expect((await gateway.queue.cameras.read('', 'gate-1'))!.counts).toMatchObject({ posted: 2, expired: 2 });
  });

  it('says why the file cannot be read and exits with 1', async () => {
    await using all = await startAll();
    const plan: Run[] = [{ frames: [], ends: 'badly', stderr: `file:${video}: Invalid data found` }];
    const { code, stderr } = await watched(plan, all.gateway.url, [video]);
    expect(stderr).toBe(`${video}: file:${video}: Invalid data found\n0 frames submitted, 0 results.\n`);
    expect(code).toBe(1);
  });

  it('waits for a service that accepts no frame, and loses none', async () => {
    await using service = await startExpiringService((count) => count === 2);
    const { code, stderr } = await watched([{ frames: [1, 2, 3], ends: 'well' }], service.baseUrl, [video]);
    expect(service.posted()).toEqual([1, 2, 2, 3]);
    expect(stderr).toMatch(
      /^Frames are not accepted: queue_full: why queue_full \(http.*\)\. Trying again\.\n3 frames/,
    );
    expect(code).toBe(0);
  });

  it.each([
    ['is accepted late', false],
    ['is not accepted', true],
  ])('with --keep latest plays it in real time and submits the newest when a frame %s', async (_, refused) => {
    const delayed = Promise.withResolvers<void>();
    await using service = await startExpiringService(async (count) => {
      if (count === 1) await delayed.promise;
      return refused && count === 1;
    });
    using ffmpeg = fakeFfmpeg({ frames: [1, 2, 3, 4, 5, 6, 7], everyMs: 10, ends: 'well' });
    const args = [video, '--camera', 'gate-1', '--keep', 'latest'];
    const watching = startWatch(args, { ...ffmpeg.env, FACEQUEUE_URL: service.baseUrl });
    await expect.poll(service.posted, DEADLINE).toEqual([1]);
    const { pid, args: ffmpegArgs } = ffmpeg.runs()[0]!;
    await expect.poll(() => isRunning(pid), DEADLINE).toBe(false);
    delayed.resolve();
    expect(await watching.code).toBe(0);
    expect(ffmpegArgs).toContain('-re');
    expect(service.seen.find(({ method }) => method === 'POST')!.url).toContain('keep=latest');
    const [first, ...others] = service.posted();
    expect([first, others.at(-1)]).toEqual([1, 7]);
    expect(others).not.toContain(1);
    expect(others.length).toBeLessThan(6);
    const accepted = others.length + (refused ? 0 : 1);
    expect(watching.stderr()).toContain(`${accepted} frames submitted, 0 results, `);
  });
});

describe('watch CAMERA', () => {
  it('connects again after a break, prints no secrets, and stops ffmpeg on Ctrl-C', async () => {
    await using all = await startAll();
    using ffmpeg = fakeFfmpeg(
      { frames: [1], ends: 'badly', stderr: `${CAMERA}: Connection refused` },
      { frames: [2], ends: 'well' },
      { frames: [3], ends: 'never', stubborn: true },
      { frames: [4], ends: 'never' },
    );
    const watching = startWatch([CAMERA, '--camera', 'gate-1'], { ...ffmpeg.env, FACEQUEUE_URL: all.gateway.url });
    const seen = () => all.worker.seen.map(({ bytes }) => frameOf(bytes));
    await expect.poll(seen, DEADLINE).toEqual([1, 2, 3]);
    // An ffmpeg that was killed counts as a break.
    process.kill(ffmpeg.runs()[2]!.pid, 'SIGKILL');
    await expect.poll(seen, DEADLINE).toEqual([1, 2, 3, 4]);
    await expect.poll(() => watching.stdout().match(/Z {2}1 face {2}0\.90/g)?.length, DEADLINE).toBe(4);
    watching.kill('SIGINT');
    expect(await watching.code).toBe(130);
    expect(ffmpeg.runs().filter(({ pid }) => isRunning(pid))).toEqual([]);

    const label = 'rtsp://camera.example:554/live';
    expect(watching.stderr().split('\n')).toEqual([
      expect.stringMatching(`^${label}: ${label}: Connection refused\\. Trying again in [12] s\\.$`),
      expect.stringMatching(`^${label}: the stream ended\\. Trying again in [12] s\\.$`),
      expect.stringMatching(`^${label}: ffmpeg ended with SIGKILL\\. Trying again in [12] s\\.$`),
      'Interrupted.',
      '4 frames submitted, 4 results.',
      '',
    ]);
    const { args } = ffmpeg.runs()[0]!;
    expect(args.slice(args.indexOf('-rtsp_transport'), args.indexOf('-map'))).toEqual([
      '-rtsp_transport',
      'tcp',
      '-i',
      CAMERA,
    ]);
  });

  it('submits a frame with the time of its arrival, and the newest frame replaces one that waits', async () => {
    await using gateway = await startTestGateway(redis.url);
    using ffmpeg = fakeFfmpeg({ frames: Array(1000).fill(1), everyMs: 100, ends: 'never' });
    const before = Date.now();
    const watching = startWatch([CAMERA, '--camera', 'gate-1', '--fps', '10'], {
      ...ffmpeg.env,
      FACEQUEUE_URL: gateway.url,
    });
    const camera = () => gateway.queue.cameras.read('', 'gate-1');
    await expect.poll(async () => (await camera())?.counts.superseded, DEADLINE).toBeGreaterThan(0);
    watching.kill('SIGTERM');
    expect(await watching.code).toBe(130);
    const { keep, lastJobId, counts } = (await camera())!;
    expect([keep, counts.waiting, counts.superseded]).toEqual(['latest', 1, counts.posted - 1]);
    const { frame } = (await gateway.queue.read(lastJobId))!;
    expect(frame!.takenAt).toBeGreaterThanOrEqual(before);
    expect(frame!.takenAt).toBeLessThanOrEqual(Date.now());
  });

  it('skips the copies with which ffmpeg fills a gap', async () => {
    await using all = await startAll();
    using ffmpeg = fakeFfmpeg({ frames: [1, 1, 1, 1, 1], ends: 'badly' }, { frames: [2], ends: 'never' });
    const args = [CAMERA, '--camera', 'gate-1', '--keep', 'all', '--fps', '0.01'];
    const watching = startWatch(args, { ...ffmpeg.env, FACEQUEUE_URL: all.gateway.url });
    await expect.poll(() => ffmpeg.runs().length, DEADLINE).toBe(2);
    watching.kill('SIGINT');
    await watching.code;
    expect(all.worker.seen.map(({ bytes }) => frameOf(bytes))).toEqual([1]);
  });

  it('kills an ffmpeg that ignores SIGTERM', async () => {
    await using all = await startAll();
    using ffmpeg = fakeFfmpeg({ frames: [1], ends: 'never', stubborn: true });
    const watching = startWatch([CAMERA, '--camera', 'gate-1'], { ...ffmpeg.env, FACEQUEUE_URL: all.gateway.url });
    await expect.poll(() => all.worker.seen.length, DEADLINE).toBe(1);
    watching.kill('SIGINT');
    expect(await watching.code).toBe(130);
    expect(isRunning(ffmpeg.runs()[0]!.pid)).toBe(false);
  });

  it('continues after an outage of the service', async () => {
    await using away = await startRedis({ appendonly: true });
    await using gateway = await startTestGateway(away.url);
    await using worker = await startCannedWorker(gateway);
    using ffmpeg = fakeFfmpeg({ frames: Array(200).fill(1), everyMs: 100, ends: 'never' });
    const args = [CAMERA, '--camera', 'gate-1', '--fps', '10'];
    const watching = startWatch(args, { ...ffmpeg.env, FACEQUEUE_URL: gateway.url });
    await expect.poll(() => watching.stdout(), DEADLINE).toContain('1 face');
    await away.kill();
    await expect.poll(() => watching.stderr(), DEADLINE).toContain('Frames are not accepted: unavailable: ');
    const lines = watching.stdout();
    await away.restart();
    await expect.poll(() => watching.stdout().length, { timeout: 40_000 }).toBeGreaterThan(lines.length);
    watching.kill('SIGINT');
    expect(await watching.code).toBe(130);
    expect(worker.seen.length).toBeGreaterThan(1);
  });
});

describe('watch', () => {
  it('says first how to install ffmpeg when there is none', async () => {
    const env = { PATH: dirname(process.execPath), FACEQUEUE_URL: 'http://127.0.0.1:1' };
    const watching = startWatch([video, '--camera', 'gate-1'], env);
    expect(await watching.code).toBe(1);
    expect(watching.stderr()).toMatch(/^watch needs ffmpeg.*apt-get install ffmpeg/);
  });

  it('starts no ffmpeg when the service refuses', async () => {
    const refused = await watched([{ frames: [1], ends: 'well' }], 'http://127.0.0.1:1', [video]);
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: 'unavailable: the service cannot be reached (http://127.0.0.1:1)\n',
      runs: [],
    });
  });

  it('ends when the service refuses a frame for good', async () => {
    await using all = await startAll({ MAX_IMAGE_BYTES: '1kb' });
    const { code, stderr } = await watched([{ frames: [1, 2], padding: 1000, ends: 'never' }], all.gateway.url, [
      CAMERA,
    ]);
    expect(stderr).toMatch(/^body_too_large: .*\n0 frames submitted, 0 results/);
    expect(code).toBe(1);
  });
});
