import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photographBytes, scene } from '../../../../test/support/fixtures/index.ts';
import { facequeue } from '../testing/facequeue.ts';

const MODELS = new URL('../../../../models', import.meta.url).pathname;

describe('models', () => {
  it('verify passes for the pack of the repository', async () => {
    const { code, stdout } = await facequeue(['models', 'verify']);
    expect(stdout).toMatch(/^\d+ checks passed\.$/m);
    expect(stdout).not.toContain('FAILED');
    expect(code).toBe(0);
  });

  it('verify fails for a pack with a changed file and names it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'facequeue-models-'));
    try {
      cpSync(MODELS, folder, { recursive: true, filter: (path) => !path.includes('recipes') });
      const manifest = join(folder, 'manifest.json');
      const { file } = JSON.parse(readFileSync(manifest, 'utf8')).models.attributes;
      const bytes = readFileSync(join(folder, file));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(join(folder, file), bytes);
      const { code, stdout } = await facequeue(['models', 'verify'], { MODEL_PACK: manifest });
      expect(stdout).toMatch(new RegExp(`^FAILED attributes: ${file}: sha256`, 'm'));
      expect(stdout).toMatch(/^1 of \d+ checks failed\.$/m);
      expect(code).toBe(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('list prints each model with its licence', async () => {
    const { code, stdout } = await facequeue(['models', 'list']);
    expect(code).toBe(0);
    for (const role of ['detector', 'landmarks', 'attributes'])
      expect(stdout).toMatch(new RegExp(`^ +${role} .*\\.onnx$`, 'm'));
  });

  describe('compare', () => {
    const MANIFEST = join(MODELS, 'manifest.json');
    let folder: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'facequeue-compare-'));
      cpSync(MODELS, join(folder, 'pack'), { recursive: true, filter: (path) => !path.includes('recipes') });
      mkdirSync(join(folder, 'images'));
      writeFileSync(join(folder, 'images', '<b>.jpg'), (await scene({ faces: 3, width: 640, height: 480 })).bytes);
      writeFileSync(join(folder, 'images', 'cup.png'), await photographBytes('no-face-coffee.png'));
      writeFileSync(join(folder, 'images', 'text.jpg'), 'text');
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    /** A copy of the pack whose default confidence is another. */
    const packWith = (confidence: number) => {
      const path = join(folder, 'pack', 'manifest.json');
      const manifest = JSON.parse(readFileSync(path, 'utf8'));
      writeFileSync(
        path,
        JSON.stringify({ ...manifest, detection: { ...manifest.detection, default_confidence: confidence } }),
      );
      return path;
    };
    const compare = (...args: string[]) =>
      facequeue(['models', 'compare', ...args, '--sample', join(folder, 'images')]);

    it('finds no difference between a pack and itself, and names images that fail', async () => {
      const { code, stdout, stderr } = await compare(MANIFEST, MANIFEST);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^text\.jpg: the bytes are none of .*\n$/),
      });
      expect(stdout).toMatch(/^3 faces in both, 0 vanished, 0 appeared; 0 genders changed\.$/m);
      expect(stdout).toMatch(/^ {2}confidence, 0\.\.1 +-?0\.0000 +0\.0000$/m);
      expect(stdout).toMatch(/^ {2}CPU-ms, after +\d+\.\d +\d+\.\d +\d+\.\d$/m);
    });

    it('shows what vanishes and what appears', async () => {
      const strict = packWith(0.999);
      const page = join(folder, 'page.html');
      const { stdout } = await compare(MANIFEST, strict, '--json', '--page', page);
      const { differences, after, failures } = JSON.parse(stdout);
      expect(differences).toMatchObject({ images: 2, pairs: 0, vanished: 3, appeared: 0, confidence: null });
      expect(after).toMatchObject({ path: strict, cpu_ms: { mean: expect.any(Number) } });
      expect(failures).toHaveLength(1);
      const html = readFileSync(page, 'utf8');
      expect(html).toContain('<h2>&lt;b&gt;.jpg</h2>\n<p>0 faces in both, 3 vanished, 0 appeared.</p>');
      // A thumbnail and a close-up of each face; the picture without faces does not differ.
      expect(html.match(/<img /g)).toHaveLength(4);
      expect(JSON.parse((await compare(strict, MANIFEST, '--json')).stdout).differences).toMatchObject({
        vanished: 0,
        appeared: 3,
      });
    });

    it('refuses what it cannot use', async () => {
      expect(await compare(MANIFEST, join(folder, 'none.json'))).toEqual({
        code: 1,
        stdout: '',
        stderr: `cannot read the model pack ${join(folder, 'none.json')}: ENOENT\n`,
      });
      const file = `${MANIFEST}.jpg`;
      const wrong = await facequeue(['models', 'compare', MANIFEST, MANIFEST, '--sample', file]);
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining(`${file} is not a folder`) });
      expect(await facequeue(['models', 'compare', MANIFEST, MANIFEST])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("required option '--sample <DIR>' not specified"),
      });
    });
  });
});
