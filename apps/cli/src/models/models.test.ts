import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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
});
