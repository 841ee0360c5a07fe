import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { npmCommand, packagesDigest, packagesReady } from './packages.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'facequeue-setup-'));
  for (const folder of ['apps/a', 'packages/b', 'packages/not-a-workspace', 'node_modules/.bin'])
    mkdirSync(join(root, folder), { recursive: true });
  json('package.json', { workspaces: ['apps/*', 'packages/*'], devDependencies: { node: '24.1.0' }, scripts: {} });
  json('package-lock.json', { lockfileVersion: 3 });
  json('apps/a/package.json', { name: 'a', dependencies: { b: '1.0.0' } });
  json('packages/b/package.json', { name: 'b' });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const json = (path: string, content: unknown) => writeFileSync(join(root, path), JSON.stringify(content));

/** The results of an installation: a Node that prints `version`, and the stamp. */
function install(version: string) {
  const node = join(root, 'node_modules/.bin/node');
  writeFileSync(node, `#!/bin/sh\necho ${version}\n`);
  chmodSync(node, 0o755);
  writeFileSync(join(root, 'node_modules/.facequeue-setup'), packagesDigest(root));
}

describe('packages', () => {
  it('are ready after an installation, not before', () => {
    expect(packagesReady(root)).toBe(false);
    install('v24.1.0');
    expect(packagesReady(root)).toBe(true);
  });

  it.each([
    ['the lock file', () => json('package-lock.json', { lockfileVersion: 3, packages: {} })],
    ['a dependency of a workspace', () => json('apps/a/package.json', { name: 'a', dependencies: { b: '1.0.1' } })],
    ['the set of workspaces', () => json('packages/not-a-workspace/package.json', { name: 'c' })],
  ])('are installed again when %s has changed', (_, change) => {
    install('v24.1.0');
    change();
    expect(packagesReady(root)).toBe(false);
  });

  it('are not installed again when only a script has changed', () => {
    install('v24.1.0');
    json('package.json', {
      workspaces: ['apps/*', 'packages/*'],
      devDependencies: { node: '24.1.0' },
      scripts: { start: 'x' },
    });
    expect(packagesReady(root)).toBe(true);
  });

  it.each(['v24.0.9', 'v20.1.0', 'not a version'])('are installed again when their Node is %s', (version) => {
    install(version);
    expect(packagesReady(root)).toBe(false);
  });

  it('are installed again when their Node is missing', () => {
    install('v24.1.0');
    rmSync(join(root, 'node_modules/.bin/node'));
    expect(packagesReady(root)).toBe(false);
  });
});

describe('npm', () => {
  it('never runs on the Node that it is about to delete', () => {
    const bin = join(root, 'node_modules/.bin');
    const { env } = npmCommand(root, { PATH: `${bin}:/usr/bin:/bin` });
    expect(env['PATH']).toBe('/usr/bin:/bin');
  });

  it('is the one that runs the set-up', () => {
    const cli = join(root, 'npm-cli.js');
    writeFileSync(cli, '');
    expect(npmCommand(root, { npm_execpath: cli })).toMatchObject({ command: 'node', args: [cli] });
    expect(npmCommand(root, { npm_execpath: join(root, 'yarn.js') })).toMatchObject({ command: 'npm', args: [] });
    expect(npmCommand(root, {})).toMatchObject({ command: 'npm', args: [] });
  });

  it('does not let onnxruntime-node download CUDA', () => {
    expect(npmCommand(root, {}).env['ONNXRUNTIME_NODE_INSTALL']).toBe('skip');
  });
});
