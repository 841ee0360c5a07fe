/** `facequeue watch` with a real ffmpeg, against the whole service. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FrameEvent } from '@facequeue/client';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { startWatch } from '../../apps/cli/src/watch/testing/watching.ts';
import { descendants } from '../support/processes/process-table.ts';
import { type Service, startService } from '../support/processes/service.ts';
import { startFileServer } from '../support/servers/file-server.ts';
import { startRtspServer } from '../support/servers/rtsp-server.ts';
import { ensureFfmpeg, FFMPEG_TIMEOUT_MS } from '../support/video/ffmpeg.ts';

const IMAGES = fileURLToPath(new URL('../images/', import.meta.url));
const DEADLINE = { timeout: 40_000 };

let missing: string | null;
let folder: string;
let service: Service;
beforeAll(async () => {
  missing = await ensureFfmpeg();
  if (missing !== null) return;
  folder = mkdtempSync(join(tmpdir(), 'facequeue-videos-'));
  service = await startService();
}, FFMPEG_TIMEOUT_MS);
afterAll(async () => {
  await service?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A video of 10 pictures a second: 2 s of a face, then 2 s of a cat. */
function makeVideo(name: string, codec: string[] = [], size = '512:512'): string {
  const path = join(folder, name);
  const picture = (image: string) => ['-loop', '1', '-framerate', '10', '-t', '2', '-i', join(IMAGES, image)];
  const scaled = (n: number) => `[${n}]scale=${size},setsar=1[${n}s]`;
  execFileSync('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-y'],
    ...picture('astronaut.png'),
    ...picture('no-face-cat.png'),
    ...['-filter_complex', `${scaled(0)};${scaled(1)};[0s][1s]concat=n=2,format=yuv420p`],
    ...codec,
    path,
  ]);
  return path;
}

const parsed = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FrameEvent);
const facesAt = ({ frame_time, result }: FrameEvent) => [frame_time, result?.Faces.length];
const skipWithout = (context: TestContext) => context.skip(missing !== null, missing ?? '');

describe('watch', () => {
  it('finds the faces of a video, each with its time in the video', async (context) => {
    skipWithout(context);
    const video = makeVideo('a face, then a cat.mp4');
    const args = [video, '--camera', 'gate-1', '--fps', '2.5', '--start', '2026-01-02T03:04:05Z', '--json'];
    const watching = startWatch(args, { FACEQUEUE_URL: service.url });
    expect([await watching.code, watching.stderr()]).toEqual([0, '10 frames submitted, 10 results.\n']);
    const frames = parsed(watching.stdout());
    // Two engines may finish two frames out of order.
    expect(frames.map(facesAt).sort()).toEqual(
      ['05.000', '05.400', '05.800', '06.200', '06.600', '07.000', '07.400', '07.800', '08.200', '08.600'].map(
        (second, i) => [`2026-01-02T03:04:${second}Z`, i < 5 ? 1 : 0],
      ),
    );
    for (const frame of frames) {
      expect(frame).toMatchObject({
        camera: 'gate-1',
        status: 'succeeded',
        image: { width: 512, height: 512, format: 'jpeg' },
      });
    }
    expect(frames[0]!.result!.Faces[0]!.landmark_106).toHaveLength(106);
  });

  it('reads a video from a web server, and shrinks frames over 4096 px', async (context) => {
    skipWithout(context);
    const wide = makeVideo('wide.mkv', ['-c:v', 'mjpeg'], '4400:400');
    const files = await startFileServer(new Map([['/wide.mkv?token=secret', readFileSync(wide)]]));
    const args = [files.url('/wide.mkv?token=secret'), '--camera', 'gate-2', '--fps', '1', '--json'];
    const watching = startWatch(args, { FACEQUEUE_URL: service.url });
    expect([await watching.code, watching.stderr()]).toEqual([0, '4 frames submitted, 4 results.\n']);
    await files.close();
    for (const { image } of parsed(watching.stdout())) expect(image).toMatchObject({ width: 4096, height: 372 });
  });

  it('reports ffmpeg’s message for a file that is not a video', async (context) => {
    skipWithout(context);
    const watching = startWatch([fileURLToPath(import.meta.url), '--camera', 'gate-3'], { FACEQUEUE_URL: service.url });
    expect(await watching.code).toBe(1);
    expect(watching.stderr()).toMatch(/watch\.test\.ts: .*Invalid data found/);
  });

  it('watches a camera over RTSP, reconnects when the connection breaks, and ends with Ctrl-C', async (context) => {
    skipWithout(context);
    const stream = makeVideo('camera.ts', ['-c:v', 'libx264', '-g', '5', '-f', 'mpegts']);
    await using camera = await startRtspServer(readFileSync(stream), 4000);
    const args = [camera.url, '--camera', 'gate-4', '--fps', '4', '--json'];
    const began = Date.now();
    const watching = startWatch(args, { FACEQUEUE_URL: service.url });
    const faces = () => parsed(watching.stdout() || '{}').filter(({ result }) => result?.Faces.length === 1).length;
    await expect.poll(faces, DEADLINE).toBeGreaterThan(0);
    expect(camera.requests.find((line) => line.startsWith('SETUP'))).toContain('RTP/AVP/TCP');
    camera.breakAll();
    await expect.poll(() => camera.requests.filter((line) => line.startsWith('PLAY')).length, DEADLINE).toBe(2);
    const before = faces();
    await expect.poll(faces, DEADLINE).toBeGreaterThan(before);
    expect(watching.stderr()).toMatch(/^rtsp:\/\/127\.0\.0\.1:\d+\/live: .*Trying again in \d+ s\.$/m);
    expect(watching.stderr()).not.toContain('secret');
    for (const { frame_time } of parsed(watching.stdout())) {
      expect(Date.parse(frame_time!)).toBeGreaterThanOrEqual(began);
      expect(Date.parse(frame_time!)).toBeLessThanOrEqual(Date.now());
    }
    const mine = () => descendants(process.pid).filter(({ command }) => command.includes(camera.url));
    expect(mine().some(({ command }) => command.startsWith('ffmpeg'))).toBe(true);
    watching.kill('SIGINT');
    expect(await watching.code).toBe(130);
    expect(mine()).toEqual([]);
  });
});
