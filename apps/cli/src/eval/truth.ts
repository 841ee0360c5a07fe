/** Ground truth from files, each form recognized by the suffix of its name. */
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { parseCoco, parsePoints106, parseUtkFaceName, parseWflw, parseWider, TruthError } from '@facequeue/evaluation';
import { expandInputs } from '../detect/inputs.ts';
import { UsageError } from '../usage.ts';
import type { LabelledPerson } from './attributes.ts';
import type { DetectionTruth } from './detection.ts';
import type { LandmarkTruth } from './landmarks.ts';

/** @throws UsageError that names the file and the line, or the place in it */
export function readDetectionTruth(path: string): DetectionTruth {
  const suffix = suffixOf(path, ['.txt', '.json']);
  return suffix === '.txt'
    ? { path, protocol: 'WIDER FACE', images: parsed(path, parseWider) }
    : { path, protocol: 'COCO', images: parsed(path, parseCoco) };
}

/** @throws UsageError */
export function readLandmarkTruth(path: string): LandmarkTruth {
  const suffix = suffixOf(path, ['.txt', '.json', '.jsonl', '.ndjson']);
  return suffix === '.txt'
    ? { path, form: 'WFLW, 98 points', faces: parsed(path, parseWflw) }
    : { path, form: '106 points', faces: parsed(path, parsePoints106) };
}

/**
 * The images of a folder whose names are those of UTKFace.
 * @returns also the names that are of another form
 * @throws UsageError when there is none
 */
export function readPeople(folder: string): { people: LabelledPerson[]; others: string[] } {
  const { inputs, single } = expandInputs([folder]);
  if (single) throw new UsageError(`${folder} is not a folder`);
  const people = inputs.flatMap(({ name: file }): LabelledPerson[] => {
    const person = parseUtkFaceName(basename(file));
    return person ? [{ file, person }] : [];
  });
  if (!people.length)
    throw new UsageError(
      `${folder} has no image with a name such as 25_0_2_20170116174525125.jpg: age, gender, origin, time`,
    );
  const named = new Set(people.map(({ file }) => file));
  return { people, others: inputs.map(({ name }) => name).filter((name) => !named.has(name)) };
}

function suffixOf(path: string, suffixes: readonly string[]): string {
  const suffix = extname(path).toLowerCase();
  if (suffixes.includes(suffix)) return suffix;
  throw new UsageError(`${path}: expected a name that ends in ${suffixes.join(' or ')}`);
}

function parsed<T>(path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof TruthError) throw new UsageError(`${path}: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'no such file' : `cannot be read: ${code}`}`);
  }
}
