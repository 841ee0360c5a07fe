import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DetectionResult } from '@facequeue/schema';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exifVariants, photograph } from '../../../../test/support/fixtures/index.ts';
import { pasted } from '../../../../test/support/fixtures/pasted.ts';
import { startFileServer } from '../../../../test/support/servers/file-server.ts';
import { facequeue } from '../testing/facequeue.ts';

const image = (name: string) => new URL(`../../../../test/images/${name}`, import.meta.url).pathname;
const ASTRONAUT = image('astronaut.png');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-detect-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const detect = (...args: string[]) => facequeue(['detect', ...args]);
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('detect', () => {
  it('prints the JSON of the API for one image', async () => {
    const { code, stdout } = await detect('--json', ASTRONAUT);
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(DetectionResult.strict().parse(result)).toEqual(result);
    expect(result.Faces).toHaveLength(1);
    expect(result.Faces[0].landmark_106).toHaveLength(106);
  });

  it('prints a table without --json', async () => {
    const { code, stdout } = await detect(ASTRONAUT, image('no-face-cat.png'));
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /astronaut\.png: 1 face \(512x512 png, \d+ ms\)\n +# +confidence.*gender +age\n +1 +0\.\d{4}/,
    );
    expect(stdout).toMatch(/no-face-cat\.png: 0 faces/);
  });

  it('processes a folder and its subfolders in order, and skips hidden and other files', async () => {
    const photos = join(folder, 'photos');
    mkdirSync(join(photos, 'b', '.hidden'), { recursive: true });
    for (const name of ['c.PNG', 'b/x.png', 'b/.hidden/x.png', 'a.png', '.z.png'])
      copyFileSync(ASTRONAUT, join(photos, name));
    writeFileSync(join(photos, 'notes.txt'), 'not an image');
    const { code, stdout } = await detect('--json', photos);
    expect(code).toBe(0);
    const [single] = lines((await detect('--json', ASTRONAUT)).stdout);
    expect(lines(stdout)).toEqual(
      ['a.png', 'b/x.png', 'c.PNG'].map((name) => ({ file: join(photos, name), ...single })),
    );
  });

  it('prints the error of each bad file, continues with the others, and exits with 1', async () => {
    const text = join(folder, 'text.jpg');
    writeFileSync(text, 'no picture');
    const half = join(folder, 'half.png');
    writeFileSync(half, readFileSync(ASTRONAUT).subarray(0, 50_000));
    const large = join(folder, 'large.jpg');
    writeFileSync(large, Buffer.alloc(21e6));
    const { code, stdout } = await detect('--json', text, half, large, join(folder, 'none.jpg'), ASTRONAUT);
    expect(code).toBe(1);
    const found = lines(stdout);
    expect(found.map(({ error }) => error?.code)).toEqual([
      'unsupported_media_type',
      'image_undecodable',
      'body_too_large',
      'source_unreachable',
      undefined,
    ]);
    expect(found.at(-1).Faces).toHaveLength(1);
  });

  it('prints the problem of the API for one image that is bad', async () => {
    const { code, stdout } = await detect('--json', image('README.md'));
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  it('applies the detection options', async () => {
    const bare = JSON.parse((await detect('--json', '--no-landmarks', '--no-attributes', ASTRONAUT)).stdout);
    expect(Object.keys(bare.Faces[0]).sort()).toEqual(['BoundingBox', 'Confidence']);
    for (const option of ['--min-confidence=0.999', '--min-face-size=400'])
      expect(JSON.parse((await detect('--json', option, ASTRONAUT)).stdout).Faces, option).toEqual([]);
    expect((await detect('--json', '--profile=fast', '--max-faces=1', '--device=cpu', ASTRONAUT)).code).toBe(0);
  });

  it('prints what detail adds, as JSON and for people', async () => {
    const [face, searched] = await detect('--json', '--detail', '--landmarks', 'refined', ASTRONAUT).then(
      ({ stdout }) => {
        const result = JSON.parse(stdout);
        return [result.Faces[0], result.searched];
      },
    );
    expect(Object.keys(face)).toEqual(
      expect.arrayContaining(['landmark_106', 'points_5', 'presence', 'male', 'pose', 'quality']),
    );
    expect(searched.smallest_face_px).toBeGreaterThan(4);
    const { stdout } = await detect('--detail', '--no-attributes', ASTRONAUT);
    expect(stdout).toMatch(
      / ms, searched down to [\d.]+ px\)\n +# +confidence +left +top +width +height +roll +yaw +pitch +sharpness +brightness\n/,
    );
  });

  it('fetches a URL under the rules of the service', async () => {
    const server = await startFileServer(new Map([['/a.png', readFileSync(ASTRONAUT)]]));
    try {
      const refused = await detect('--json', server.url('/a.png'));
      expect(refused.code).toBe(1);
      expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'source_forbidden' });
      const allowed = await facequeue(['detect', '--json', server.url('/a.png')], { SOURCE_ALLOW: server.host });
      expect(allowed.stdout).toBe((await detect('--json', ASTRONAUT)).stdout);
    } finally {
      await server.close();
    }
  });

  it('fetches a URL with the credentials of its host', async () => {
    const server = createServer((request, response) => {
      const authorized = request.headers.authorization === `Basic ${btoa('viewer:open sesame')}`;
      response.writeHead(authorized ? 200 : 401).end(authorized ? readFileSync(ASTRONAUT) : undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const file = join(folder, 'credentials.json');
      writeFileSync(file, JSON.stringify({ [`http://${host}`]: { user: 'viewer', password: 'open sesame' } }));
      const fetched = (env: Record<string, string>) =>
        facequeue(['detect', '--json', `http://${host}/snapshot.jpg`], { SOURCE_ALLOW: host, ...env });
      const refused = await fetched({});
      expect(JSON.parse(refused.stdout)).toMatchObject({
        code: 'source_unreachable',
        detail: 'the image host answered 401',
      });
      expect((await fetched({ SOURCE_CREDENTIALS_FILE: file })).stdout).toBe(
        (await detect('--json', ASTRONAUT)).stdout,
      );
    } finally {
      server.close();
    }
  });

  it('draws on a copy of the image', async () => {
    const out = join(folder, 'new', 'drawn.png');
    const original = readFileSync(ASTRONAUT);
    expect((await detect('--draw', out, ASTRONAUT)).code).toBe(0);
    expect(readFileSync(ASTRONAUT).equals(original)).toBe(true);
    // The width and height of a PNG are at byte 16.
    const drawn = readFileSync(out);
    expect(drawn.subarray(0, 24)).toEqual(original.subarray(0, 24));
    expect(drawn.equals(original)).toBe(false);
  });

  it('draws an image upright that its EXIF orientation turns', async () => {
    const variants = await exifVariants(await photograph('portrait-1.jpg', 320, 400));
    const turned = variants.find(({ name }) => name === 'jpeg MM orientation 6')!;
    const file = join(folder, 'turned.jpg');
    writeFileSync(file, turned.bytes);
    const out = join(folder, 'upright.png');
    const { stdout } = await detect('--json', '--draw', out, file);
    const { Left, Top, Height } = JSON.parse(stdout).Faces[0].BoundingBox;
    const { data, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([320, 400]);
    // The box's left edge, halfway down.
    const at = (Math.round((Top + Height / 2) * 400) * 320 + Math.round(Left * 320)) * 3;
    expect([...data.subarray(at, at + 3)]).toEqual([255, 196, 0]);
  });

  it('draws an image over 4096 px in its own size, and refuses what is over MAX_IMAGE_SIDE or MAX_IMAGE_PIXELS', async () => {
    const truth = { x: 3700, y: 500, size: 300, who: 0 };
    const file = join(folder, 'wide.png');
    writeFileSync(file, await pasted(4600, 1000, [truth]));
    const out = join(folder, 'wide-drawn.png');
    const { stdout } = await detect('--json', '--draw', out, file);
    const { Left, Top, Width, Height } = JSON.parse(stdout).Faces[0].BoundingBox;
    expect(Math.hypot((Left + Width / 2) * 4600 - truth.x, (Top + Height / 2) * 1000 - truth.y)).toBeLessThan(80);
    const { data, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([4600, 1000]);
    const at = (Math.round((Top + Height / 2) * 1000) * 4600 + Math.round(Left * 4600)) * 3;
    expect([...data.subarray(at, at + 3)]).toEqual([255, 196, 0]);
    for (const [name, value, limit] of [
      ['MAX_IMAGE_SIDE', '4096', '4096 px'],
      ['MAX_IMAGE_PIXELS', '4.5mp', '4500000 pixels'],
    ] as const) {
      const refused = await facequeue(['detect', '--json', file], { [name]: value });
      expect(refused.code).toBe(1);
      expect(JSON.parse(refused.stdout)).toMatchObject({
        code: 'image_too_large',
        detail: expect.stringContaining(limit),
      });
    }
  });

  it('prints which drawing could not be written, and exits with 1', async () => {
    const file = join(folder, 'no-folder');
    writeFileSync(file, '');
    const { code, stdout, stderr } = await detect('--draw', join(file, 'drawn.png'), ASTRONAUT);
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 face/);
    expect(stderr).toMatch(/no-folder\/drawn\.png cannot be written/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('draws several images into a folder, each under its own name', async () => {
    const out = join(folder, 'drawings');
    expect((await detect('--draw', out, image('portrait-1.jpg'), ASTRONAUT, ASTRONAUT)).code).toBe(0);
    expect(readFileSync(join(out, 'portrait-1.jpg')).subarray(0, 2).toString('hex')).toBe('ffd8');
    for (const name of ['astronaut.png', 'astronaut-2.png'])
      expect(readFileSync(join(out, name)).subarray(1, 4).toString()).toBe('PNG');
  });

  it('never overwrites an input', async () => {
    const photos = join(folder, 'originals');
    mkdirSync(photos);
    const copy = join(photos, 'a.png');
    copyFileSync(ASTRONAUT, copy);
    for (const args of [
      ['--draw', copy, copy],
      ['--draw', photos, photos],
    ]) {
      const { code, stderr } = await detect(...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/would overwrite/);
    }
    expect(readFileSync(copy).equals(readFileSync(ASTRONAUT))).toBe(true);
  });

  it('refuses a folder without images', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const { code, stderr } = await detect(empty);
    expect(code).toBe(2);
    expect(stderr).toMatch(/has no image/);
  });

  it('says why the models cannot be used, without a stack trace', async () => {
    const { code, stderr } = await facequeue(['detect', ASTRONAUT], { MODEL_PACK: '/nonexistent/manifest.json' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot read the model pack/);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
