import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

it('the bench of devices measures the service, names what cannot be used, and leaves out what there is no time for', async () => {
  const env = { ...process.env, VK_ICD_FILENAMES: '/nowhere/icd.json', VK_DRIVER_FILES: '/nowhere/icd.json' };
  const options = '--devices cpu,webgpu --engines 1 --seconds 0.2 --side 320'.split(' ');
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'device', ...options], { env });
  const rows = stdout.split('\n').filter((line) => /^\| (cpu|webgpu) /.test(line));
  expect(rows).toHaveLength(1);
  const [device, engines, callers, rate] = rows[0]!
    .split('|')
    .slice(1)
    .map((cell) => cell.trim());
  expect([device, engines, callers]).toEqual(['cpu', '1', '8']);
  expect(Number(rate)).toBeGreaterThan(0);
  expect(stdout).toMatch(/^cpu with 1 engines: ready in [\d.]+ s; the same \d+ faces/m);
  expect(stdout).toMatch(/^webgpu with 1 engines: .*adapter/m);
  const late = await promisify(execFile)(process.execPath, [MAIN, 'device', ...options, '--minutes', '0'], { env });
  expect(late.stdout).toContain('cpu with 1 engines: left out, no time');
}, 300_000);
