/** The software bill of materials: npm's own list of the packages, and the models. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLock } from './lock.ts';

/** A part of what is described, as far as it is used here: CycloneDX 1.5. */
export interface Component {
  'bom-ref': string;
  type: string;
  name: string;
  version: string;
  licenses?: ({ license: { id?: string; name?: string } } | { expression: string })[];
  [member: string]: unknown;
}

export interface Sbom {
  bomFormat: 'CycloneDX';
  specVersion: string;
  metadata: { component: Component; [member: string]: unknown };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
  [member: string]: unknown;
}

interface Model {
  file: string;
  sha256: string;
  title: string;
  licence: string;
  licence_file: string;
  source: { registry: string; package: string; version: string };
}

interface Pack {
  name: string;
  version: string;
  models: Record<string, Model>;
}

export const readPack = (root: string) => JSON.parse(readFileSync(join(root, 'models/manifest.json'), 'utf8')) as Pack;

/**
 * Everything that an installation consists of, Node and the system's packages apart: packages for every platform, and models.
 * @param development whether packages that are installed for development alone are in it, too
 * @throws when npm fails
 */
export function createSbom(root: string, { development = false } = {}): Sbom {
  const sbom = npmSbom(root);
  const { component } = sbom.metadata;
  // npm names it after its folder.
  Object.assign(component, { type: 'application', name: 'facequeue' });
  // Not by npm's --omit=dev: npm 11 then leaves out what a workspace needs as well, if it is a development dependency of the root.
  const packages = readLock(root);
  const kept = new Set(packages.filter((one) => development || !one.development).map(refOf));
  const locked = new Set(packages.map(refOf));
  const models = modelComponents(readPack(root));
  const refs = new Set<string>();
  const components = [
    ...sbom.components.filter((one) => !locked.has(one['bom-ref']) || kept.has(one['bom-ref'])),
    ...models,
  ];
  for (const { 'bom-ref': ref } of [component, ...components]) refs.add(ref);
  const dependencies = sbom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
  dependencies.find(({ ref }) => ref === component['bom-ref'])?.dependsOn.push(...models.map((one) => one['bom-ref']));
  return { ...sbom, components, dependencies };
}

const refOf = ({ name, version }: { name: string; version: string }) => `${name}@${version}`;

function npmSbom(root: string): Sbom {
  const flags = ['--sbom-format=cyclonedx', '--package-lock-only'];
  return JSON.parse(
    execFileSync('npm', ['sbom', ...flags], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
}

function modelComponents({ name, version, models }: Pack): Component[] {
  return Object.entries(models).map(([role, { file, sha256, title, licence, source }]) => ({
    'bom-ref': `${name}/${file}@${version}`,
    type: 'machine-learning-model',
    name: file,
    version,
    scope: 'required',
    description: `${title}: the ${role} of the default models`,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    licenses: [{ license: { id: licence } }],
    // What it was made from: models/recipes.
    pedigree: {
      ancestors: [{ type: 'library', name: source.package, version: source.version, purl: purl(source) }],
    },
  }));
}

/** https://github.com/package-url/purl-spec */
const purl = ({ registry, package: name, version }: Model['source']) =>
  `pkg:${registry.toLowerCase()}/${name.replace('@', '%40')}@${version}`;
