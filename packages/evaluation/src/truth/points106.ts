/**
 * 106 points in the form of the API: the lines that `facequeue detect --json` prints for several images, or an array of the same
 * objects. Only `landmark_106` of each face is read.
 */
import { z } from 'zod';
import { isMeasurable } from '../landmarks/layout.ts';
import { TruthError } from './errors.ts';
import { staysInside } from './images.ts';
import { readJson } from './json.ts';
import type { TruthPoints } from './points.ts';

const Image = z.looseObject({
  file: z.string().refine(staysInside, { error: 'leaves the folder of the images' }),
  Faces: z.array(z.looseObject({ landmark_106: z.array(z.looseObject({ x: z.number(), y: z.number() })).length(106) })),
});

/** The labelled faces of a document. @throws TruthError with the line or the path in the document */
export function parsePoints106(text: string): TruthPoints[] {
  const images = /^\s*\[/.test(text) ? readJson(text, z.array(Image)) : readLines(text);
  const faces = images.flatMap(({ file, Faces }) =>
    Faces.map(
      ({ landmark_106 }): TruthPoints => ({
        file,
        points: landmark_106.flatMap(({ x, y }) => [x, y]),
        layout: 'insightface-106',
        groups: [],
      }),
    ),
  );
  if (!faces.length) throw new TruthError('line 1: there is no face');
  const wrong = faces.find((face) => !isMeasurable(face));
  if (wrong) throw new TruthError(`${wrong.file}: both eyes of a face lie at the same place`);
  return faces;
}

function readLines(text: string): z.output<typeof Image>[] {
  return text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [readJson(line, Image, i + 1)]));
}
