import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeForeignLibraries } from './onnxruntime.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'facequeue-setup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const PLATFORMS = ['linux/x64', 'linux/arm64', 'darwin/arm64', 'win32/x64', 'win32/arm64'];
const binding = (platform: string) =>
  join(root, 'node_modules/onnxruntime-node/bin/napi-v6', platform, 'onnxruntime_binding.node');
function install(platforms: string[]) {
  for (const platform of platforms) {
    mkdirSync(dirname(binding(platform)), { recursive: true });
    writeFileSync(binding(platform), '');
  }
}
const left = () => PLATFORMS.filter((platform) => existsSync(binding(platform)));

it('leaves the libraries of this platform only', () => {
  install(PLATFORMS);
  removeForeignLibraries(root, 'linux', 'arm64');
  expect(left()).toEqual(['linux/arm64']);
});

it('leaves everything where there are no libraries for this platform', () => {
  install(PLATFORMS);
  for (const [platform, arch] of [
    ['freebsd', 'x64'],
    ['darwin', 'x64'],
  ] as const)
    removeForeignLibraries(root, platform, arch);
  expect(left()).toEqual(PLATFORMS);
});

it('does nothing without the package', () => {
  expect(() => removeForeignLibraries(root)).not.toThrow();
});
