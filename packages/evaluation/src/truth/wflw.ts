/**
 * The list files of WFLW (Wu et al. 2018): one face a line, with 98 points, in the longer form a box and six attributes, and the
 * path of the image.
 */
import { isMeasurable } from '../landmarks/layout.ts';
import { damagedAt } from './errors.ts';
import { staysInside } from './images.ts';
import type { TruthPoints } from './points.ts';

const POINTS = 98;
const BOX = 4;
/** Its attributes, in the sequence of the columns; 1 marks a face of that subset. */
const ATTRIBUTES = ['pose', 'expression', 'illumination', 'make-up', 'occlusion', 'blur'] as const;
const SHORT = 2 * POINTS + 1;
const LONG = 2 * POINTS + BOX + ATTRIBUTES.length + 1;

/** The labelled faces of a list file. @throws TruthError with the line */
export function parseWflw(text: string): TruthPoints[] {
  const faces = text.split(/\r?\n/).flatMap((line, i) => (line.trim() === '' ? [] : [faceOf(line, i + 1)]));
  if (!faces.length) throw damagedAt(1, 'there is no face');
  return faces;
}

function faceOf(line: string, number: number): TruthPoints {
  const columns = line.trim().split(/\s+/);
  if (columns.length !== SHORT && columns.length !== LONG)
    throw damagedAt(number, `expected ${SHORT} or ${LONG} columns, there are ${columns.length}`);
  const file = columns.at(-1)!;
  const numbers = columns.slice(0, -1).map(Number);
  const wrong = numbers.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw damagedAt(number, `column ${wrong + 1} is '${columns[wrong]!.slice(0, 30)}', not a number`);
  if (!staysInside(file)) throw damagedAt(number, 'the path leaves the folder of the images');
  const marks = numbers.slice(2 * POINTS + BOX);
  const face: TruthPoints = {
    file,
    points: numbers.slice(0, 2 * POINTS),
    layout: 'wflw-98',
    groups: ATTRIBUTES.filter((_, i) => marks[i] === 1),
  };
  if (!isMeasurable(face)) throw damagedAt(number, 'both eyes lie at the same place');
  return face;
}
