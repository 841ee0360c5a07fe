import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toProblem } from '@facequeue/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedBatches, scriptBatches } from '../../../../packages/client/src/testing/scripted-batches.ts';
import {
  disconnect,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
} from '../../../../packages/client/src/testing/scripted-server.ts';
import { facequeue } from '../testing/facequeue.ts';

const MAIN = new URL('../main.ts', import.meta.url).pathname;

let folder: string;
let photos: string;
let out: string;
let service: ScriptedServer;
let batches: ScriptedBatches;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-ingest-'));
  photos = join(folder, 'photos');
  out = join(folder, 'results.ndjson');
  mkdirSync(join(photos, 'sub'), { recursive: true });
  for (const name of ['a.jpg', 'b.png', 'sub/c.jpg']) writeFileSync(join(photos, name), name);
  service = await startScriptedServer();
  batches = scriptBatches(service);
});
afterEach(async () => {
  await service.kill();
  rmSync(folder, { recursive: true, force: true });
});

const ingest = (...args: string[]) => facequeue(['ingest', ...args], { FACEQUEUE_URL: service.baseUrl });
const parsed = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const written = () => parsed(readFileSync(out, 'utf8'));
const idsOf = (lines: { id?: string }[]) => lines.map(({ id }) => id);
const sent = () => batches.all.map(({ items }) => idsOf(items));
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Starts the command without waiting for its end. */
function start(args: string[], input?: string) {
  const child = spawn(process.execPath, [MAIN, 'ingest', ...args], {
    env: { ...process.env, FACEQUEUE_URL: service.baseUrl },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  if (input !== undefined) child.stdin.end(input);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

describe('ingest', () => {
  it('sends the images of a folder with the options and writes a line for each', async () => {
    const options = ['--profile', 'fast', '--max-faces', '2', '--no-landmarks'];
    const { code, stdout, stderr } = await ingest(photos, '--out', out, ...options);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^Done: 3 images in \d+ s\.\n$/);
    expect(batches.all).toMatchObject([
      {
        made: {
          open: true,
          options: { profile: 'fast', max_faces: 2, landmarks: false, attributes: true },
        },
        items: [
          { id: 'a.jpg', img: base64('a.jpg') },
          { id: 'b.png', img: base64('b.png') },
          { id: 'sub/c.jpg', img: base64('sub/c.jpg') },
        ],
        erased: true,
      },
    ]);
    expect(written()[2]).toEqual({
      id: 'sub/c.jpg',
      status: 'succeeded',
      finished_at: '2026-01-01T00:00:00.000Z',
      attempts: 1,
      image: { width: 4, height: 3, format: 'jpeg', bytes: 9, orientation: 1 },
      result: { Faces: [], FaceModelVersion: '1.0.0' },
      error: null,
      timings: {},
    });
    expect(idsOf(written())).toEqual(['a.jpg', 'b.png', 'sub/c.jpg']);
    expect(existsSync(`${out}.batches`)).toBe(false);
  });

  it('prints results to standard output without --out, as CSV with --format csv', async () => {
    const pattern = join(photos, '*.jpg');
    const file = join(photos, 'a.jpg');
    expect(parsed((await ingest(pattern)).stdout)).toMatchObject([{ id: file, status: 'succeeded' }]);
    const { stdout } = await ingest(pattern, file, '--format', 'csv', '--quiet');
    expect(stdout.split('\n').slice(1)).toEqual([`${file},succeeded,0,,,,,,,,,4,3,`, '']);
  });

  it('reads a list from standard input and leaves URLs to the service', async () => {
    const url = 's3://bucket/x/y.jpg';
    const { code, stdout } = await start(['--from', '-', url], `${join(photos, 'a.jpg')}\nhttps://example.org/a\n`)
      .ended;
    expect(code).toBe(0);
    expect(batches.all[0]!.items).toEqual([
      { id: url, url },
      { id: join(photos, 'a.jpg'), img: base64('a.jpg') },
      { id: 'https://example.org/a', url: 'https://example.org/a' },
    ]);
    expect(parsed(stdout)).toHaveLength(3);
  });

  it('sends an image of a list before it reads the next line', async () => {
    const { child, ended } = start(['--from', '-']);
    child.stdin.write(`${join(photos, 'a.jpg')}\n`);
    await expect.poll(() => batches.all[0]?.lines.length, { timeout: 20_000 }).toBe(1);
    child.stdin.end(`${join(photos, 'b.png')}\n`);
    expect(idsOf(parsed((await ended).stdout))).toEqual([join(photos, 'a.jpg'), join(photos, 'b.png')]);
  });

  it('writes a failed line for an image that cannot be sent, and exits with 1', async () => {
    const odd = join(photos, 'line\nend.jpg');
    writeFileSync(odd, 'x');
    const large = join(photos, 'large.jpg');
    writeFileSync(large, '');
    truncateSync(large, 60e6);
    batches.work = ({ id }) => (id === 'b.png' ? 'failed' : 'succeeded');
    const { code, stderr } = await ingest(photos, '--out', out);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Done: 5 images in \d+ s, 3 failed\.\n$/);
    const failed = written().filter(({ status }) => status === 'failed');
    expect(Object.fromEntries(failed.map(({ id, error }) => [id, error.code]))).toEqual({
      'b.png': 'image_undecodable',
      'large.jpg': 'body_too_large',
      'line\nend.jpg': 'invalid_request',
    });
    const none = await ingest(join(folder, 'none.jpg'));
    expect(none.code).toBe(1);
    expect(parsed(none.stdout)).toMatchObject([
      { status: 'failed', attempts: 0, error: { code: 'source_unreachable', detail: 'no such file' } },
    ]);
  });

  it('waits while the queue is full', async () => {
    batches.instead.create = [problem('queue_full', RETRY_NOW)];
    batches.instead.append = Array.from({ length: 12 }, () => problem('queue_full', RETRY_NOW));
    expect((await ingest(photos)).code).toBe(0);
    expect(sent()).toEqual([['a.jpg', 'b.png', 'sub/c.jpg']]);
  });

  it('continues after broken connections', async () => {
    batches.instead.append = ['break after', disconnect];
    expect(parsed((await ingest(photos)).stdout)).toHaveLength(3);
  });

  it('says why the service refuses', async () => {
    batches.instead.create = [problem('unauthorized')];
    const { code, stderr } = await ingest(photos, '--out', out);
    expect(stderr).toMatch(
      /^unauthorized: why unauthorized\nStopped: 0 images.* Run the same command again to continue\.\n$/,
    );
    expect(code).toBe(1);
  });

  it('prints progress as JSON with --json, and nothing with --quiet', async () => {
    const { stderr } = await ingest(photos, '--json', '--out', out);
    expect(parsed(stderr)).toEqual([
      {
        done: 3,
        failed: 0,
        total: 3,
        per_second: expect.any(Number),
        elapsed_s: expect.any(Number),
        remaining_s: 0,
        ended: 'done',
      },
    ]);
    expect((await ingest(photos, '--quiet', '--out', out)).stderr).toBe('');
  });

  it('stops when another client cancels the batch, and says so', async () => {
    batches.work = ({ id }) => {
      if (id === 'sub/c.jpg') queueMicrotask(() => cancel());
      return id === 'a.jpg' ? 'succeeded' : null;
    };
    const cancel = () => void fetch(`${service.baseUrl}/batches/${batches.all[0]!.id}/cancel`, { method: 'POST' });
    const { code, stderr } = await ingest(photos, '--out', out);
    expect(stderr).toMatch(
      /: 1 image in \d+ s, 2 canceled by another client\. Run the same command again to continue\.\n$/,
    );
    expect(code).toBe(1);
    expect(idsOf(written())).toEqual(['a.jpg']);
  });

  it.each<[string, string[], RegExp]>([
    ['a place without an image', ['.hidden'], /\.hidden: no image there/],
    ['an output file with other content', ['photos', '--out', 'photos/a.jpg'], /a\.jpg is not a results file/],
  ])('refuses %s', async (_, args, complaint) => {
    mkdirSync(join(folder, '.hidden'));
    const { code, stderr } = await ingest(...args.map((arg) => (arg.startsWith('-') ? arg : join(folder, arg))));
    expect(stderr).toMatch(complaint);
    expect(code).toBe(2);
    expect(readFileSync(join(photos, 'a.jpg'), 'utf8')).toBe('a.jpg');
  });
});

describe('ingest, run again', () => {
  it('sends only the images that its results lack', async () => {
    await ingest(photos, '--out', out);
    const before = readFileSync(out, 'utf8');
    writeFileSync(out, `${before}{"id":"torn.jpg","sta`);
    writeFileSync(join(photos, 'd.jpg'), 'd');
    const { code, stderr } = await ingest(photos, '--out', out);
    expect(code).toBe(0);
    expect(stderr).toMatch(/results\.ndjson has 3 images already\.\nDone: 1 image in/);
    expect(sent()[1]).toEqual(['d.jpg']);
    expect(readFileSync(out, 'utf8').slice(0, before.length)).toBe(before);
    expect(idsOf(written())).toEqual(['a.jpg', 'b.png', 'sub/c.jpg', 'd.jpg']);
  });

  it('sends failed images again with --retry-failed, and has each image once', async () => {
    batches.work = ({ id }) => (id === 'b.png' ? 'failed' : 'succeeded');
    out = join(folder, 'results.csv');
    expect((await ingest(photos, '--out', out)).code).toBe(1);
    expect((await ingest(photos, '--out', out)).code).toBe(0);
    batches.work = () => 'succeeded';
    expect((await ingest(photos, '--out', out, '--retry-failed')).code).toBe(0);
    expect(sent()).toEqual([['a.jpg', 'b.png', 'sub/c.jpg'], ['b.png']]);
    const rows = readFileSync(out, 'utf8').trim().split('\n').slice(1);
    expect(rows.map((row) => row.split(',').slice(0, 2))).toEqual([
      ['a.jpg', 'succeeded'],
      ['sub/c.jpg', 'succeeded'],
      ['b.png', 'succeeded'],
    ]);
  });

  it('resumes the batch of a killed run and sends no image twice', async () => {
    batches.work = ({ id }) => (id === 'a.jpg' ? 'succeeded' : null);
    const { child, ended } = start([photos, '--out', out]);
    await expect.poll(() => existsSync(out) && readFileSync(out, 'utf8'), { timeout: 20_000 }).toContain('a.jpg');
    child.kill('SIGKILL');
    await ended;
    const [batch] = batches.all as [(typeof batches.all)[0]];
    batches.end(batch, batch.items[1]!, 'succeeded');
    batches.work = () => 'succeeded';
    const again = start([photos, '--out', out]);
    await expect.poll(() => batch.status, { timeout: 20_000 }).toBe('running');
    batches.end(batch, batch.items[2]!, 'failed');
    expect(await again.ended).toMatchObject({ code: 1 });
    expect(idsOf(written())).toEqual(['a.jpg', 'b.png', 'sub/c.jpg']);
    expect(batches.all).toHaveLength(1);
    expect(batch.erased).toBe(true);
    expect(existsSync(`${out}.batches`)).toBe(false);
  });

  it('continues when that batch is gone', async () => {
    const startedBatch = { service: service.baseUrl, batch: '01930000-0000-7000-8000-000000000099' };
    writeFileSync(`${out}.batches`, `${JSON.stringify(startedBatch)}\n{"service":"http`);
    expect((await ingest(photos, '--out', out)).code).toBe(0);
    expect(idsOf(written())).toEqual(['a.jpg', 'b.png', 'sub/c.jpg']);
  });
});

describe('ingest of an S3 prefix', () => {
  it('has a worker list it and writes the results', async () => {
    batches.listed = (prefix) => ['1', '2'].map((name) => ({ id: `${prefix}${name}.jpg` }));
    const { code, stderr } = await ingest('s3://bucket/path/', '--out', out, '--profile', 'fast');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Done: 2 images/);
    expect(batches.all).toMatchObject([
      { made: { s3: { prefix: 's3://bucket/path/' }, options: { profile: 'fast' } }, erased: true },
    ]);
    expect(idsOf(written())).toEqual(['s3://bucket/path/1.jpg', 's3://bucket/path/2.jpg']);
  });

  it('says why the listing is incomplete, and exits with 1', async () => {
    batches.listed = () => [{ id: 's3://bucket/1.jpg' }];
    batches.listingError = toProblem('source_forbidden', 'access denied');
    const { code, stderr } = await ingest('s3://bucket/', '--out', out);
    expect(stderr).toMatch(/^s3:\/\/bucket\/: source_forbidden: access denied\n/);
    expect(code).toBe(1);
    expect(idsOf(written())).toEqual(['s3://bucket/1.jpg']);
  });
});

describe('Ctrl-C', () => {
  it('stops, keeps the results so far, and leaves nothing at the service', async () => {
    batches.work = ({ id }) => (id === 'a.jpg' ? 'succeeded' : null);
    const { child, ended } = start([photos, '--out', out]);
    await expect.poll(() => existsSync(out) && readFileSync(out, 'utf8'), { timeout: 20_000 }).toContain('a.jpg');
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/^Interrupted: 1 image in \d+ s\. Run the same command again to continue\.\n$/);
    expect(code).toBe(130);
    expect(batches.all.every(({ erased }) => erased)).toBe(true);
    batches.work = () => 'succeeded';
    expect((await ingest(photos, '--out', out)).code).toBe(0);
    expect(idsOf(written())).toEqual(['a.jpg', 'b.png', 'sub/c.jpg']);
  });

  it('ends the command immediately the second time', async () => {
    batches.work = () => null;
    batches.instead.erase = [() => {}];
    const { child, ended } = start([photos, '--out', out]);
    await expect.poll(() => batches.all[0]?.items.length, { timeout: 20_000 }).toBe(3);
    child.kill('SIGINT');
    await expect.poll(() => service.seen.some(({ method }) => method === 'DELETE'), { timeout: 20_000 }).toBe(true);
    // Two presses close together count as one, so the test presses until the command ends.
    const pressing = setInterval(() => child.kill('SIGINT'), 50);
    const { code, stderr } = await ended;
    clearInterval(pressing);
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  });
});
