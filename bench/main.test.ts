import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => promisify(execFile)(process.execPath, [MAIN, ...args]);
const NAMES = [
  'image',
  'queue',
  'waits',
  'backlog',
  'jobs-memory',
  'ingest',
  'interactive',
  'slow-hosts',
  'fairness',
  'floods',
  'cameras',
  'large-images',
  'camera-costs',
  'kernels',
  'device',
  'scenes',
  'soak',
  'chaos',
];

describe('npm run bench', () => {
  it('lists every bench with --help', async () => {
    const { stdout } = await bench('--help');
    expect([...stdout.matchAll(/^ {2}([\w-]+) {2,}\S/gm)].map(([, name]) => name)).toEqual(NAMES);
  });

  it.each(NAMES)('lists the options of %s', async (name) => {
    const { stdout } = await bench(name, '--help');
    expect(stdout).toMatch(/^npm run .*\n\n.+\n\nOptions:\n {2}--/);
  });

  it('refuses a name that it does not know', async () => {
    await expect(bench('pictures')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'pictures' is not a bench; expected one of: image, queue"),
    });
  });
});
