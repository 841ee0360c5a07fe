import { loadPack, PackError, verifyPack } from '@facequeue/pipeline';
import type { Output } from '../output.ts';

/**
 * Prints every check of a model pack.
 * @param path its manifest
 * @returns the exit code: 1 when a check failed
 */
export async function verifyModels(path: string, { stdout }: Output): Promise<number> {
  const { checks, leftOut, ok } = await verifyPack(path);
  for (const { check, ok, detail } of checks) stdout(`${ok ? 'ok    ' : 'FAILED'} ${check}: ${detail}\n`);
  for (const reason of leftOut) stdout(`left out: ${reason}\n`);
  const failed = checks.filter((check) => !check.ok).length;
  stdout(ok ? `${checks.length} checks passed.\n` : `${failed} of ${checks.length} checks failed.\n`);
  return ok ? 0 : 1;
}

/**
 * Prints the models of a pack.
 * @param path its manifest
 * @returns the exit code: 1 when it cannot be read
 */
export async function listModels(path: string, { stdout, stderr }: Output): Promise<number> {
  const pack = await loadPack(path).catch((error) => {
    if (!(error instanceof PackError)) throw error;
    stderr(error.message);
  });
  if (!pack) return 1;
  const { manifest } = pack;
  stdout(`${manifest.name} ${manifest.version} (${path})\n`);
  for (const [role, { file, title, bytes, licence }] of Object.entries(manifest.models))
    stdout(`  ${role.padEnd(11)}${title}, ${licence}, ${(bytes / 1e6).toFixed(1)} MB, ${file}\n`);
  return 0;
}
