import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';

/** A source file and what it imports, as dependency-cruiser reports them. */
export interface SourceModule {
  source: string;
  dependencies: { module: string }[];
}

/** Files that do not ship. They may also import the devDependencies of their workspace and of the repository. */
const TEST_FILES = /(\.test\.ts|\.arbitrary\.ts)$|\/(testing|conformance)\//;

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/**
 * Imports of packages that the importing workspace does not declare in its package.json. They work only while another
 * workspace installs the package, and fail in an image with that workspace alone.
 * @param root of the repository
 * @returns `undeclared-import: FILE -> PACKAGE` for each
 */
export function undeclaredImports(modules: readonly SourceModule[], root: string): string[] {
  const manifests = new Map<string, Manifest>();
  const manifestOf = (folder: string): Manifest => {
    const cached = manifests.get(folder);
    if (cached) return cached;
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
    manifests.set(folder, manifest);
    return manifest;
  };
  return modules.flatMap(({ source, dependencies: imports }) => {
    const workspace = /^(apps|packages)\/[^/]+/.exec(source)?.[0];
    if (!workspace) return [];
    const { name, dependencies, optionalDependencies, devDependencies } = manifestOf(workspace);
    const forTests = { ...devDependencies, ...manifestOf('.').devDependencies };
    const declared = { ...dependencies, ...optionalDependencies, ...(TEST_FILES.test(source) && forTests) };
    const packages = new Set(imports.flatMap(({ module }) => packageName(module) ?? []));
    return [...packages]
      .filter((imported) => imported !== name && !Object.hasOwn(declared, imported))
      .map((imported) => `undeclared-import: ${source} -> ${imported}`);
  });
}

/** The package of an import specifier: `@scope/name/sub/path` -> `@scope/name`. Null for files and Node's own modules. */
function packageName(specifier: string): string | null {
  if (/^[./]/.test(specifier) || isBuiltin(specifier)) return null;
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];
}
