/** `facequeue ingest` against a whole service: real models, real Redis, folders of real files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ItemLine } from '@facequeue/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvValues } from '../../apps/cli/src/ingest/csv.ts';
import { facequeue } from '../../apps/cli/src/testing/facequeue.ts';
import { photographBytes, scene, textNamedJpg, truncated } from '../support/fixtures/index.ts';
import { type Service, startService } from '../support/processes/service.ts';
import { startS3 } from '../support/servers/s3-server.ts';

const MAIN = new URL('../../apps/cli/src/main.ts', import.meta.url).pathname;
const IMAGES = 200;

let folder: string;
let photos: string;
const names: string[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-e2e-ingest-'));
  photos = join(folder, 'photos');
  const { bytes } = await scene({ faces: 1, width: 160, height: 160 });
  for (let i = 0; i < IMAGES; i++) {
    const name = join(`day-${i % 3}`, `${i}.jpg`);
    mkdirSync(join(photos, `day-${i % 3}`), { recursive: true });
    writeFileSync(join(photos, name), bytes);
    names.push(name);
  }
  names.sort();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (path: string): ItemLine[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
const idsIn = (path: string) => linesOf(path).map(({ id }) => id);

/** Runs it on the photographs until this many lines are written, then sends the signal. */
async function interrupted(service: Service, out: string, lines: number, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [MAIN, 'ingest', photos, '--out', out], {
    env: { ...process.env, FACEQUEUE_URL: service.url },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = once(child, 'close') as Promise<[number | null]>;
  const count = () => (existsSync(out) ? readFileSync(out, 'utf8').split('\n').length - 1 : 0);
  await expect.poll(count, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(lines);
  child.kill(signal);
  const [code] = await ended;
  return { code, stderr, written: count() };
}

describe('ingest', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service?.stop());
  const run = (...args: string[]) => facequeue(['ingest', ...args], { FACEQUEUE_URL: service.url });

  it('that is killed halfway and run again has every image once', async () => {
    const out = join(folder, 'killed.ndjson');
    const { written } = await interrupted(service, out, 40, 'SIGKILL');
    expect(written).toBeLessThan(IMAGES);
    const { batch } = JSON.parse(readFileSync(`${out}.batches`, 'utf8').trim());
    const { code, stderr } = await run(photos, '--out', out);
    expect(code, stderr).toBe(0);
    expect(idsIn(out).sort()).toEqual(names);
    for (const { result } of linesOf(out)) expect(result!.Faces).toHaveLength(1);
    // Its batch at the service is deleted, too.
    await expect(createClient({ baseUrl: service.url }).batch(batch)).rejects.toMatchObject({ code: 'gone' });
    expect(existsSync(`${out}.batches`)).toBe(false);
  });

  it('that is stopped by Ctrl-C keeps its results, leaves nothing queued, and continues in the next run', async () => {
    const out = join(folder, 'interrupted.ndjson');
    const { code, stderr, written } = await interrupted(service, out, 40, 'SIGINT');
    expect(code).toBe(130);
    expect(stderr).toMatch(new RegExp(`Interrupted: ${written} images in .*Run the same command again to continue`));
    const { queues } = await createClient({ baseUrl: service.url }).system();
    expect(queues.bulk.waiting).toBe(0);
    expect((await run(photos, '--out', out)).code).toBe(0);
    expect(idsIn(out).sort()).toEqual(names);
  });

  it('writes the error of each bad file, and the results of the others', async () => {
    const mixed = join(folder, 'mixed');
    mkdirSync(mixed);
    writeFileSync(join(mixed, 'face.png'), await photographBytes('astronaut.png'));
    writeFileSync(join(mixed, 'half.jpg'), await truncated());
    writeFileSync(join(mixed, 'text.jpg'), textNamedJpg());
    writeFileSync(join(mixed, 'huge.jpg'), Buffer.alloc(25e6));
    writeFileSync(join(mixed, '#1.jpg'), await photographBytes('astronaut.png'));
    const out = join(folder, 'mixed.csv');
    const { code, stderr } = await run(mixed, 'https://127.0.0.1/a.jpg', '--out', out);
    expect(code).toBe(1);
    expect(stderr).toMatch(/6 images in .*4 failed/);
    const rows = readFileSync(out, 'utf8').trim().split('\n').slice(1);
    const byId = rows.map(csvValues).map(([id, status, faces, ...more]) => {
      return [id!.replace(`${mixed}/`, ''), [status, faces, more.at(-1)!.replace(/:.*/, '')]];
    });
    expect(Object.fromEntries(byId)).toEqual({
      'face.png': ['succeeded', '1', ''],
      '#1.jpg': ['succeeded', '1', ''],
      'half.jpg': ['failed', '0', 'image_undecodable'],
      'text.jpg': ['failed', '0', 'unsupported_media_type'],
      'huge.jpg': ['failed', '0', 'body_too_large'],
      'https://127.0.0.1/a.jpg': ['failed', '0', 'source_forbidden'],
    });
  });
});

describe('ingest into a service with a short queue', () => {
  it('waits for room and loses nothing', { timeout: 180_000 }, async () => {
    await using service = await startService({ MAX_WAITING_JOBS: '20' });
    const out = join(folder, 'full.ndjson');
    const { code, stderr } = await facequeue(['ingest', photos, '--out', out], { FACEQUEUE_URL: service.url });
    expect(code, stderr).toBe(0);
    expect(service.log()).toMatch(/"status":503/);
    expect(idsIn(out).sort()).toEqual(names);
  });
});

describe('ingest of a bucket', () => {
  it('has a worker list it, and writes the results', async () => {
    await using s3 = await startS3();
    await s3.createBucket('archive');
    const bytes = await photographBytes('portrait-1.jpg');
    for (const key of ['2024/a.jpg', '2024/b/c.JPG', '2024/notes.txt', '2023/d.jpg'])
      await s3.put('archive', key, bytes);
    await using service = await startService({
      ...s3.env,
      S3_SOURCE_PREFIXES: 'archive/2024',
      SOURCE_ALLOW: '127.0.0.1',
    });
    const out = join(folder, 'bucket.ndjson');
    const run = (...args: string[]) => facequeue(['ingest', ...args], { FACEQUEUE_URL: service.url });
    const { code, stderr } = await run('s3://archive/2024/', '--out', out);
    expect(code, stderr).toBe(0);
    expect(idsIn(out).sort()).toEqual(['s3://archive/2024/a.jpg', 's3://archive/2024/b/c.JPG']);
    for (const { result } of linesOf(out)) expect(result!.Faces).toHaveLength(1);
    expect(await run('s3://archive/2023/')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^source_forbidden: /),
    });
  });
});
