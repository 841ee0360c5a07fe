/** Which licences what is installed may have. */
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { type LockedPackage, readLock } from './lock.ts';
import { readPack } from './sbom.ts';

/** Licences that ask for no more than a notice. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'OFL-1.1',
  'Unlicense',
]);

interface Exception {
  /** A glob. */
  packages: string;
  /** As package-lock.json says it; undefined where it says none. */
  licences: (string | undefined)[];
  /** Only while they are no part of an installation. */
  developmentOnly: boolean;
  reason: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    packages: '@img/sharp-*',
    licences: ['LGPL-3.0-or-later', 'Apache-2.0 AND LGPL-3.0-or-later', 'Apache-2.0 AND LGPL-3.0-or-later AND MIT'],
    developmentOnly: false,
    reason:
      'libvips, a shared library beside sharp: whoever distributes it passes on its licence, and anybody may replace it',
  },
  {
    packages: 'lightningcss{,-*}',
    licences: ['MPL-2.0'],
    developmentOnly: true,
    reason: 'vite uses it, which runs the tests',
  },
  {
    packages: 'caniuse-lite',
    licences: ['CC-BY-4.0'],
    developmentOnly: true,
    reason: 'data about browsers, which StrykerJS uses through Babel',
  },
  {
    packages: '{ssh2,cpu-features,buildcheck}',
    licences: [undefined],
    developmentOnly: true,
    reason:
      'MIT, in the old form `licenses` of package.json, which package-lock.json leaves out; testcontainers uses them',
  },
];

/** What is wrong with the licences of the packages and models of a repository. */
export function licenceProblems(root: string, exceptions: readonly Exception[] = EXCEPTIONS): string[] {
  const packages = readLock(root);
  const unused = exceptions.filter((exception) => !packages.some((one) => isExcepted(one, exception)));
  return [
    ...packages.flatMap((one) => packageProblems(root, one, exceptions)),
    ...unused.map(({ packages }) => `the exception ${packages} is not needed any more`),
    ...Object.values(readPack(root).models).flatMap(({ file, licence, licence_file }) => [
      ...(isPermissive(licence) ? [] : [`models/${file} has the licence ${licence}`]),
      ...(existsSync(join(root, 'models', licence_file)) ? [] : [`models/${file}: there is no models/${licence_file}`]),
    ]),
  ];
}

function packageProblems(root: string, one: LockedPackage, exceptions: readonly Exception[]): string[] {
  const { path, name, version, license } = one;
  const problems = [];
  if (!isPermissive(license) && !exceptions.some((exception) => isExcepted(one, exception)))
    problems.push(`${name} ${version} has ${license ? `the licence ${license}` : 'no licence'}`);
  // The lock repeats what the registry said when the package was added.
  const manifest = join(root, path, 'package.json');
  const installed = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as { license?: unknown }).license
    : license;
  if (typeof installed === 'string' && installed !== license)
    problems.push(`${name} ${version} has the licence ${installed}, and ${license} in package-lock.json`);
  return problems;
}

const isExcepted = ({ name, license, development }: LockedPackage, exception: Exception) =>
  matchesGlob(name, exception.packages) &&
  exception.licences.includes(license) &&
  (development || !exception.developmentOnly);

/**
 * Whether all that an SPDX expression asks for is permissive, or one of the alternatives that it offers. False for what is no such expression,
 * as `SEE LICENSE IN …`, and for `WITH`.
 */
export function isPermissive(expression: string | undefined): boolean {
  const words = (expression ?? '').match(/[()]|[^()\s]+/g) ?? [];
  let at = 0;
  // AND binds closer than OR.
  const alternatives = (): boolean => {
    let permissive = all();
    for (; words[at] === 'OR'; permissive = all() || permissive) at++;
    return permissive;
  };
  const all = (): boolean => {
    let permissive = one();
    for (; words[at] === 'AND'; permissive = one() && permissive) at++;
    return permissive;
  };
  const one = (): boolean => {
    const word = words[at++] ?? '';
    if (word !== '(') return PERMISSIVE.has(word);
    const permissive = alternatives();
    return words[at++] === ')' && permissive;
  };
  return alternatives() && at === words.length;
}
