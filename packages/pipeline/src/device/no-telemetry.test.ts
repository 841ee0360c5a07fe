import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('leaves no telemetry files in the home folder or the temporary folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-telemetry-'));
  try {
    for (const name of ['home', 'tmp']) mkdirSync(join(folder, name));
    const script = `import { createPipeline } from ${JSON.stringify(join(import.meta.dirname, '../index.ts'))};
      await using pipeline = await createPipeline({ device: 'cpu' });
      await pipeline.warm();
      console.log(pipeline.device);`;
    const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...env, HOME: join(folder, 'home'), TMPDIR: join(folder, 'tmp'), XDG_CACHE_HOME: '' },
    });
    expect(said).toBe('cpu\n');
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['home', 'tmp']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
