// @ts-check
/**
 * onnxruntime-node carries the libraries of five platforms, 288 MB in version 1.30.0; a machine loads those of its own (45 MB on
 * Linux x64). `node setup/onnxruntime.js` removes the others; the set-up and deploy/Dockerfile both use it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {string} folder */
const foldersIn = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/**
 * Removes onnxruntime's libraries for other platforms. It never fails: without the package, without libraries for this
 * platform, or without permission it leaves everything in place.
 * @param {string} root folder that has node_modules
 * @param {string} platform as `process.platform`
 * @param {string} arch as `process.arch`
 */
export function removeForeignLibraries(root, platform = process.platform, arch = process.arch) {
  const bin = join(root, 'node_modules', 'onnxruntime-node', 'bin');
  try {
    for (const api of foldersIn(bin).filter((name) => name.startsWith('napi-v'))) {
      const platforms = foldersIn(join(bin, api));
      // A layout that is not the expected one is left alone.
      if (!platforms.includes(platform) || !foldersIn(join(bin, api, platform)).includes(arch)) continue;
      const foreign = [
        ...platforms.filter((name) => name !== platform).map((name) => join(bin, api, name)),
        ...foldersIn(join(bin, api, platform))
          .filter((name) => name !== arch)
          .map((name) => join(bin, api, platform, name)),
      ];
      for (const folder of foreign) rmSync(folder, { recursive: true, force: true });
    }
  } catch {
    // Only disk space is lost.
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) removeForeignLibraries(ROOT);
