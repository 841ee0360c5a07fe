import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { DetectionResult, JobResource } from '@facequeue/schema';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exifVariants, formatVariants, scene, tiledFaces, type Variant } from '../support/fixtures/index.ts';
import { pasted } from '../support/fixtures/pasted.ts';
import { descendants } from '../support/processes/process-table.ts';
import { type Service, startService } from '../support/processes/service.ts';
import { startFileServer } from '../support/servers/file-server.ts';
import { expectPointsOnFace, expectReference, overlap, pixelBox, type ReferenceFace } from './compare.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const image = (name: string) => readFileSync(`${ROOT}test/images/${name}`);
const reference = JSON.parse(readFileSync(`${ROOT}models/reference/reference.json`, 'utf8')).pipeline as Record<
  string,
  ReferenceFace[]
>;
const PHOTOS = ['astronaut.png', 'portrait-1.jpg', 'portrait-2.jpg'];

let service: Service;
let files: Awaited<ReturnType<typeof startFileServer>>;
let s3: FauxqsServer;

/** A telephone's picture of 24 megapixels, and the portraits in it. */
let phone: Buffer;
const PORTRAITS = [
  { x: 1000, y: 900, size: 700, who: 0 },
  { x: 4900, y: 3500, size: 300, who: 1 },
];

beforeAll(async () => {
  phone = await sharp(await pasted(5712, 4284, PORTRAITS))
    .jpeg({ quality: 85 })
    .toBuffer();
  const photos = PHOTOS.map((name): [string, Buffer] => [`/${name}`, image(name)]);
  files = await startFileServer(new Map([...photos, ['/phone.jpg', phone]]));
  s3 = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const endpoint = `http://127.0.0.1:${s3.port}`;
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: 'photos' }));
  for (const name of PHOTOS)
    await client.send(new PutObjectCommand({ Bucket: 'photos', Key: `album/${name}`, Body: image(name) }));
  client.destroy();
  service = await startService({
    // These tests check results, not speed: other tests may run on the same two cores.
    SYNC_WAIT: '5m',
    ENGINE_TIMEOUT: '30s',
    SOURCE_ALLOW: files.host,
    S3_SOURCE_PREFIXES: 'photos/album/',
    S3_ENDPOINT: endpoint,
    S3_REGION: 'us-east-1',
    S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});

afterAll(async () => {
  await service?.stop();
  await files?.close();
  await s3?.stop();
});

const json = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const raw = (bytes: Uint8Array): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/octet-stream' },
  body: new Uint8Array(bytes),
});

function multipart(bytes: Uint8Array): RequestInit {
  const form = new FormData();
  form.append('img', new Blob([new Uint8Array(bytes)]), 'photo');
  return { method: 'POST', body: form };
}

async function detect(request: RequestInit, query = ''): Promise<DetectionResult> {
  const response = await fetch(`${service.url}/face_detection${query}`, request);
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body as DetectionResult;
}

async function facequeueDetect(name: string, ...options: string[]): Promise<DetectionResult> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [`${ROOT}apps/cli/src/main.ts`, 'detect', `${ROOT}test/images/${name}`, '--json', ...options],
    { maxBuffer: 16 << 20 },
  );
  return JSON.parse(stdout) as DetectionResult;
}

describe('a photograph of one face', () => {
  it.each(PHOTOS)('%s gives the same face in every form a caller can send it', async (name) => {
    const bytes = image(name);
    const { width, height } = await sharp(bytes).metadata();
    const expected = await detect(raw(bytes));
    expect(expected.Faces).toHaveLength(1);
    expectPointsOnFace(expected.Faces[0]!, width, height);
    const forms: Record<string, RequestInit> = {
      base64: json({ img: bytes.toString('base64') }),
      'data url': json({ img: `data:image/png;base64,${bytes.toString('base64')}` }),
      multipart: multipart(bytes),
      'http url': json({ url: files.url(`/${name}`) }),
      's3 url': json({ url: `s3://photos/album/${name}` }),
    };
    for (const [form, request] of Object.entries(forms)) expect(await detect(request), form).toEqual(expected);
  });

  it.each(PHOTOS)('%s gives the numbers `facequeue detect` prints', async (name) => {
    expect(await detect(raw(image(name)))).toEqual(await facequeueDetect(name));
  });

  it.each(PHOTOS)('%s gives the reference outputs', async (name) => {
    const bytes = image(name);
    const { width, height } = await sharp(bytes).metadata();
    for (const profile of ['fast', 'balanced', 'small-faces'])
      expectReference(await detect(raw(bytes), `?profile=${profile}`), reference[name]![0]!, width, height);
  });

  it('answers in the form of the reference service, with headers that identify the job', async () => {
    const response = await fetch(`${service.url}/face-detection`, raw(image('astronaut.png')));
    const id = response.headers.get('x-job-id');
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
    expect(response.headers.get('server-timing')).toMatch(/queue;dur=.*detect;dur=/);
    const result = (await response.json()) as DetectionResult;
    expect(Object.keys(result)).toEqual(['Faces', 'FaceModelVersion']);
    expect(Object.keys(result.Faces[0]!).sort()).toEqual([
      'BoundingBox',
      'Confidence',
      'age',
      'gender',
      'landmark_106',
    ]);
    const job = (await (await fetch(`${service.url}/jobs/${id}`)).json()) as JobResource;
    expect(job).toMatchObject({ id, status: 'succeeded', attempts: 1, queue: 'interactive', error: null, result });
    expect(job.image).toMatchObject({ width: 512, height: 512, format: 'png', orientation: 1, bytes: 791_555 });
  });

  it('omits the parts that the caller excludes', async () => {
    const [face] = (await detect(raw(image('astronaut.png')), '?landmarks=false&attributes=false')).Faces;
    expect(Object.keys(face!)).toEqual(['BoundingBox', 'Confidence']);
    expect((await detect(raw(image('astronaut.png')), '?min_confidence=0.99')).Faces).toEqual([]);
    expect((await detect(raw(image('astronaut.png')), '?min_face_size=300')).Faces).toEqual([]);
  });
});

describe('the same picture in another file', () => {
  const expectAstronaut = async ({ name, bytes, width, height }: Variant) => {
    try {
      expectReference(await detect(raw(bytes)), reference['astronaut.png']![0]!, width, height);
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
  };

  it('gives the reference face in every variant of every format that keeps the colours', async () => {
    const variants = (await formatVariants()).filter((variant) => variant.faithful);
    expect(new Set(variants.map((variant) => variant.format))).toEqual(new Set(['jpeg', 'png', 'bmp', 'webp']));
    for (const variant of variants) await expectAstronaut(variant);
  });

  it('is decoded in every variant that does not: palettes of few colours, grey, one bit', async () => {
    const variants = (await formatVariants()).filter((variant) => !variant.faithful);
    for (const { name, bytes } of variants) {
      const { status } = await fetch(`${service.url}/face_detection`, raw(bytes));
      expect(status, name).toBe(200);
    }
  });

  it('gives the reference face in upright coordinates for every EXIF orientation', async () => {
    for (const variant of await exifVariants()) await expectAstronaut(variant);
  });
});

describe('a picture turned by 90 degrees, without EXIF', () => {
  it('gives the reference face on its side with rotate=auto, and the same from the command line', async () => {
    const upright = image('astronaut.png');
    const turned = await sharp(upright).rotate(90).png().toBuffer();
    const result = await detect(raw(turned), '?rotate=auto');
    // Back to upright: what was turned to the right turns to the left. The picture is square.
    for (const face of result.Faces) {
      const { Left, Top, Width, Height } = face.BoundingBox;
      face.BoundingBox = { Left: Top, Top: 1 - Left - Width, Width: Height, Height: Width };
      face.landmark_106 = face.landmark_106!.map(({ x, y }) => ({ x: y, y: 512 - x }));
    }
    expectReference(result, reference['astronaut.png']![0]!, 512, 512);
    expect(await detect(raw(upright), '?rotate=auto')).toEqual(
      await facequeueDetect('astronaut.png', '--rotate', 'auto'),
    );
  });
});

describe('a 4K picture of an empty place', () => {
  it('gives the one face of 30 px in it, which profile fast does not see', async () => {
    const bytes = await sharp(await pasted(3840, 2160, [{ x: 2900, y: 700, size: 30, who: 2 }]))
      .jpeg({ quality: 92 })
      .toBuffer();
    const { Faces } = await detect(raw(bytes));
    expect(Faces).toHaveLength(1);
    const { Left, Top, Width, Height } = Faces[0]!.BoundingBox;
    expect(Math.hypot((Left + Width / 2) * 3840 - 2900, (Top + Height / 2) * 2160 - 700)).toBeLessThan(8);
    expect((await detect(raw(bytes), '?profile=fast')).Faces).toEqual([]);
    expect((await detect(raw(bytes), '?min_face_size=100')).Faces).toEqual([]);
  });
});

describe('a crowd', { timeout: 180_000 }, () => {
  const pids = () =>
    descendants(service.pid)
      .filter(({ command }) => command.includes('engines/main.ts'))
      .map(({ pid }) => pid);

  it('of 2304 faces gives the thousand most confident ones, and says how many it left out', async () => {
    const before = pids();
    const response = await fetch(`${service.url}/face_detection?attributes=false`, raw(await tiledFaces(48, 48, 24)));
    expect(response.status).toBe(200);
    const { Faces } = (await response.json()) as DetectionResult;
    expect(Faces).toHaveLength(1000);
    expect(Faces.every(({ landmark_106 }) => landmark_106?.length === 106)).toBe(true);
    const leftOut = Number(response.headers.get('x-faces-left-out'));
    expect(leftOut).toBeGreaterThan(1200);
    const job = await (await fetch(`${service.url}${response.headers.get('location')}`)).json();
    expect(job).toMatchObject({ attempts: 1, image: { faces_left_out: leftOut } });
    expect(pids()).toEqual(before);
  });

  it('of 5000 faces gives all of them when the call asks for so many', async () => {
    const before = pids();
    const query = '?profile=small-faces&max_faces=10000&landmarks=false&attributes=false';
    const response = await fetch(`${service.url}/face_detection${query}`, raw(await tiledFaces(72, 70, 17)));
    expect(response.status).toBe(200);
    expect(((await response.json()) as DetectionResult).Faces.length).toBeGreaterThanOrEqual(5000);
    expect(response.headers.get('x-faces-left-out')).toBeNull();
    expect(pids()).toEqual(before);
  });
});

describe('a picture over 4096 px', () => {
  it('has the same answer in a call, from a URL, in a batch and as a frame: coordinates of the picture as it was sent', async () => {
    const response = await fetch(`${service.url}/face_detection`, raw(phone));
    const result = (await response.json()) as DetectionResult;
    expect(response.status, JSON.stringify(result)).toBe(200);
    expect(response.headers.get('x-image-size')).toBe('5712x4284');
    expect(result.Faces).toHaveLength(PORTRAITS.length);
    const facts = { width: 5712, height: 4284, format: 'jpeg', bytes: phone.length, orientation: 1 };
    for (const { x, y, size } of PORTRAITS) {
      const face = result.Faces.find(({ BoundingBox: { Left, Top, Width, Height } }) =>
        [Math.abs((Left + Width / 2) * 5712 - x), Math.abs((Top + Height / 2) * 4284 - y)].every(
          (off) => off < size / 3,
        ),
      );
      expect(face, `${size} px`).toBeDefined();
      const mean = (axis: 'x' | 'y') => face!.landmark_106!.reduce((sum, point) => sum + point[axis], 0) / 106;
      expect(Math.hypot(mean('x') - x, mean('y') - y), `${size} px`).toBeLessThan(size / 3);
    }

    expect(await detect(json({ url: files.url('/phone.jpg') }))).toEqual(result);

    const frame = await fetch(`${service.url}/cameras/large/frames`, raw(phone));
    const { id } = (await frame.json()) as JobResource;
    const job = await (await fetch(`${service.url}/jobs/${id}?wait=60`)).json();
    expect(job).toMatchObject({ status: 'succeeded', image: facts, result });

    const batch = await fetch(`${service.url}/batches`, json({ items: [{ id: 'one', url: files.url('/phone.jpg') }] }));
    const { id: batchId } = (await batch.json()) as { id: string };
    const results = await (await fetch(`${service.url}/batches/${batchId}/results?follow=true`)).text();
    expect(JSON.parse(results.trim().split('\n')[0]!)).toMatchObject({ status: 'succeeded', image: facts, result });
  });
});

describe('scenes', () => {
  it.each(['no-face-cat.png', 'no-face-coffee.png'])('%s has no face', async (name) => {
    expect(await detect(raw(image(name)))).toEqual({ Faces: [], FaceModelVersion: expect.any(String) });
  });

  it.each([0, 1, 3, 40] as const)('every one of %i faces is found, and nothing else', async (count) => {
    const { bytes, width, height, boxes } = await scene({ faces: count });
    const { Faces } = await detect(raw(bytes));
    expect(Faces).toHaveLength(count);
    const found = Faces.map((face) => pixelBox(face, width, height));
    for (const box of boxes) {
      const expected = { x1: box.x, y1: box.y, x2: box.x + box.width, y2: box.y + box.height };
      expect(Math.max(...found.map((one) => overlap(one, expected)))).toBeGreaterThan(0.5);
    }
    for (const face of Faces) expectPointsOnFace(face, width, height);
    const scores = Faces.map((face) => face.Confidence);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect((await detect(raw(bytes), '?max_faces=2')).Faces).toEqual(Faces.slice(0, 2));
  });
});

describe('an engine that crashes', () => {
  it('fails no call: its image is run again, others are not affected', async () => {
    const { bytes } = await scene({ faces: 40 });
    const expected = await detect(raw(bytes));
    const calls = Array.from({ length: 12 }, () => detect(raw(bytes)));
    const before = service.engines().map(({ pid }) => pid);
    expect(before.length).toBeGreaterThan(0);
    await Promise.race(calls); // the other calls now occupy the engines
    process.kill(before[0]!, 'SIGKILL');
    for (const result of await Promise.all(calls)) expect(result).toEqual(expected);
    await expect.poll(() => service.engines().length, { timeout: 30_000 }).toBe(before.length);
    expect(service.engines().map(({ pid }) => pid)).not.toContain(before[0]);
  });
});
