/**
 * The text form of WIDER FACE's ground truth (`wider_face_val_bbx_gt.txt`): a path, the number of faces, and a line for each face:
 * left, top, width, height, blur, expression, illumination, invalid, occlusion, pose.
 */
import type { Truth } from '../detection/match.ts';
import { damagedAt } from './errors.ts';
import { staysInside, type TruthImage } from './images.ts';

/**
 * Faces of up to this many px in height are marked to be ignored by WIDER FACE (Yang et al. 2016, section 3.2: "very difficult to
 * be recognized due to low resolution and small scale (10 pixels or less)"); the marks are in the lists of its evaluation, and of
 * them the text has `invalid` alone.
 */
export const WIDER_IGNORED_HEIGHT = 10;

const COLUMNS = 10;
const INVALID = 7;

/** The images and their labelled faces. @throws TruthError with the line */
export function parseWider(text: string): TruthImage[] {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  const images: TruthImage[] = [];
  let at = 0;
  while (at < lines.length) {
    const file = lines[at]!.trim();
    if (!/\.\w+$/.test(file))
      throw damagedAt(at + 1, `expected the path of an image instead of '${file.slice(0, 60)}'`);
    if (!staysInside(file)) throw damagedAt(at + 1, 'the path leaves the folder of the images');
    const countText = lines[at + 1]?.trim() ?? '';
    if (!/^\d{1,6}$/.test(countText)) throw damagedAt(at + 2, 'expected the number of faces');
    const count = Number(countText);
    at += 2;
    const faces: Truth[] = [];
    for (let face = 0; face < count; face++, at++) faces.push(faceOf(lines[at], at + 1));
    // An image without a face is followed by a line of zeros.
    if (count === 0 && /^(0\s+)+0$/.test(lines[at]?.trim() ?? '')) at += 1;
    images.push({ file, faces });
  }
  if (!images.length) throw damagedAt(1, 'there is no image');
  return images;
}

function faceOf(line: string | undefined, number: number): Truth {
  if (line === undefined) throw damagedAt(number, 'the file ends before the faces of its last image');
  const values = line.trim().split(/\s+/);
  const numbers = values.map(Number);
  if (numbers.length < 4 || !values.every((value) => /^-?\d+(\.\d+)?$/.test(value)))
    throw damagedAt(number, `expected the numbers of a face instead of '${line.trim().slice(0, 60)}'`);
  if (numbers.length !== 4 && numbers.length !== COLUMNS)
    throw damagedAt(number, `expected 4 or ${COLUMNS} numbers, there are ${numbers.length}`);
  const [x, y, width, height] = numbers as [number, number, number, number];
  const ignored = numbers[INVALID] === 1 || width <= 0 || height <= WIDER_IGNORED_HEIGHT;
  return { box: { x, y, width: Math.max(0, width), height: Math.max(0, height) }, ...(ignored && { ignored }) };
}
