/** What package-lock.json says of the packages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface LockEntry {
  name?: string;
  version?: string;
  license?: string;
  dev?: boolean;
  link?: boolean;
}

/** A package as it is installed somewhere below node_modules. */
export interface LockedPackage {
  /** In the repository. */
  path: string;
  name: string;
  version: string;
  license: string | undefined;
  /** Installed for development alone: in no image, and not by `npm ci --omit=dev`. */
  development: boolean;
}

export function readLock(root: string): LockedPackage[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>;
  };
  return Object.entries(packages).flatMap(([path, { name, version, license, dev, link }]) => {
    // The repository itself, and its own packages.
    if (link || version === undefined || !path.includes('node_modules/')) return [];
    return [
      {
        path,
        name: name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
        version,
        license,
        development: dev === true,
      },
    ];
  });
}
