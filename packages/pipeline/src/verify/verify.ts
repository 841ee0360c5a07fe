import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModels } from '../device/open.ts';
import { DEFAULT_PACK, loadPack, type Pack } from '../pack/load.ts';
import { modelOf, type Role, rolesOf } from '../pack/manifest.ts';
import { createPipeline } from '../pipeline.ts';
import { type Check, Checks } from './checks.ts';
import { checkContract } from './contract.ts';
import {
  compareAttributes,
  compareDetector,
  compareLandmarks,
  comparePhotograph,
  compareRefiner,
  compareVerifier,
} from './outputs.ts';
import { Reference } from './reference.ts';

/** The photographs from which the reference was made. */
const PHOTOGRAPHS = fileURLToPath(new URL('../../../../test/images', import.meta.url));

export interface VerifyReport {
  readonly pack: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
  /** Checks that were not made, each with the reason. */
  readonly leftOut: readonly string[];
}

/**
 * Verifies a pack: its files against size and hash, each model against its role's contract by running it, and its
 * outputs against a reference.
 * @param packPath the manifest; the repository's own by default
 * @param referenceDir folder of `reference.json` and its crops; by default the repository's own for its own pack, and
 *   none for any other pack
 * @example
 * const { checks, leftOut } = await verifyPack('/models/manifest.json');
 */
export async function verifyPack(packPath: string = DEFAULT_PACK, referenceDir?: string): Promise<VerifyReport> {
  const checks = new Checks();
  const folder = referenceDir ?? (packPath === DEFAULT_PACK ? join(dirname(DEFAULT_PACK), 'reference') : undefined);
  let pack: Pack | undefined;
  await checks.that('manifest', async () => {
    pack = await loadPack(packPath);
    return `${pack.manifest.name} ${pack.manifest.version}`;
  });
  if (pack) await verifyFiles(checks, pack);
  if (pack && checks.done.every(({ ok }) => ok)) await verifyModels(checks, pack, folder);
  const leftOut = folder ? missingPhotographs() : ['outputs: no reference was given'];
  return { pack: packPath, ok: checks.done.every(({ ok }) => ok), checks: checks.done, leftOut };
}

/** A container image carries the models but not the tests' photographs. */
function missingPhotographs(): string[] {
  return existsSync(PHOTOGRAPHS) ? [] : ['photographs: test/images is missing'];
}

async function verifyFiles(checks: Checks, pack: Pack): Promise<void> {
  for (const role of rolesOf(pack.manifest)) {
    const { file, bytes, sha256, licence, licence_file } = modelOf(pack.manifest, role);
    await checks.that(`${role}: ${file}`, async () => {
      const content = await readFile(pack.file(role)).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`cannot be read: ${error.code}`);
      });
      if (content.length !== bytes) throw new Error(`${content.length} bytes, the manifest has ${bytes}`);
      const digest = createHash('sha256').update(content).digest('hex');
      if (digest !== sha256) throw new Error(`sha256 ${digest}, the manifest has ${sha256}`);
      return `${bytes} bytes, sha256 ${sha256}`;
    });
    await checks.that(`${role}: ${licence_file}`, () => {
      if (!existsSync(join(dirname(pack.path), licence_file))) throw new Error('is missing');
      return licence;
    });
  }
}

async function verifyModels(checks: Checks, pack: Pack, folder: string | undefined): Promise<void> {
  await using models = await openModels(pack, 'cpu', 1);
  const roles = rolesOf(pack.manifest);
  for (const role of roles)
    await checks.that(`${role}: contract`, () => checkContract(role, pack.manifest, models.sessions[role]!));
  if (folder === undefined) return;

  let reference: Reference | undefined;
  await checks.that('reference', async () => {
    reference = Reference.parse(JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8')));
    return `${Object.keys(reference.pipeline).length} photographs`;
  });
  if (!reference) return;
  const { model_detector, model_landmarks, model_attributes, model_verifier, model_refiner } = reference;
  const { detector, landmarks, attributes, verifier, refiner } = models.sessions;
  const outputs: Record<Role, () => Promise<string>> = {
    detector: () => compareDetector(detector, PHOTOGRAPHS, model_detector),
    landmarks: () => compareLandmarks(landmarks, folder, model_landmarks),
    attributes: () => compareAttributes(attributes, folder, model_attributes),
    verifier: () => compareVerifier(verifier!, folder, model_verifier),
    refiner: () => compareRefiner({ landmarks, refiner: refiner! }, folder, model_refiner, pack.manifest.refinement!),
  };
  const photographed = missingPhotographs().length === 0;
  for (const role of roles)
    if (photographed || role !== 'detector') await checks.that(`${role}: reference outputs`, outputs[role]);
  if (!photographed) return;

  await using pipeline = await createPipeline({ packPath: pack.path, device: 'cpu' });
  for (const [name, wanted] of Object.entries(reference.pipeline))
    await checks.that(`pipeline: ${name}`, () => comparePhotograph(pipeline, join(PHOTOGRAPHS, name), wanted));
}
