/** Compares the outputs of the models and of the whole pipeline with the reference. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { iou } from '../detection/nms.ts';
import type { DetectedFace } from '../detection.ts';
import type { Session } from '../device/session.ts';
import { refinedPoints } from '../faces/refinement.ts';
import { decodeImage, type RgbImage } from '../image/index.ts';
import type { RefinementRules } from '../pack/manifest.ts';
import type { Pipeline } from '../pipeline.ts';
import { Arena } from '../pixels/index.ts';
import { checkDeviations } from './checks.ts';
import { MODEL_TOLERANCE, PICTURE_TOLERANCE, type Reference } from './reference.ts';

async function pixels(file: string): Promise<RgbImage> {
  return decodeImage(await readFile(file));
}

const farthest = (found: ArrayLike<number>, wanted: readonly number[]) =>
  Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!)));

/** The detector on the astronaut as it is. */
export async function compareDetector(session: Session, photographs: string, wanted: Reference['model_detector']) {
  const { data, width, height } = await pixels(join(photographs, 'astronaut.png'));
  const output = await session.run({
    images: { data, dims: [1, height, width, 3] },
    size: { data: BigInt64Array.of(BigInt(height), BigInt(width)), dims: [2] },
  });
  const scores = output['scores']!.data as Float32Array;
  const best = wanted.best_anchor;
  const boxes = output['boxes']!.data.subarray(best * 4, best * 4 + 4) as Float32Array;
  const points = output['points']!.data.subarray(best * 10, best * 10 + 10) as Float32Array;
  const total = scores.filter((one) => one > 0.01).reduce((a, b) => a + b, 0);
  const { px, other } = MODEL_TOLERANCE;
  return checkDeviations({
    anchors: [Math.abs(scores.length - wanted.anchors), 0],
    'best anchor': [Math.abs(scores.indexOf(Math.max(...scores)) - best), 0],
    score: [Math.abs(scores[best]! - wanted.score), other],
    'scores over 0.3': [Math.abs(scores.filter((one) => one > 0.3).length - wanted['count_score_over_0.3']), 0],
    'sum of scores over 0.01': [Math.abs(total - wanted['sum_of_scores_over_0.01']), other],
    'box px': [farthest(boxes, wanted.box_x1y1x2y2), px],
    'points px': [farthest(points, wanted.points.flat()), px],
  });
}

/** The landmark model on the reference's own crop. */
export async function compareLandmarks(session: Session, folder: string, wanted: Reference['model_landmarks']) {
  const { data, width, height } = await pixels(join(folder, 'crop-landmarks-192.png'));
  const output = await session.run({ faces: { data, dims: [1, height, width, 3] } });
  return checkDeviations({
    presence: [Math.abs(Number(output['presence']!.data[0]) - wanted.presence), MODEL_TOLERANCE.other],
    'points px': [farthest(output['points']!.data as Float32Array, wanted.points_in_crop.flat()), MODEL_TOLERANCE.px],
  });
}

/** The refiner on the crop of the landmark model, and what the pack's rules make of both models' points. */
export async function compareRefiner(
  { landmarks, refiner }: { landmarks: Session; refiner: Session },
  folder: string,
  { points_in_crop, mixed }: Reference['model_refiner'],
  rules: RefinementRules,
) {
  const { data, width, height } = await pixels(join(folder, 'crop-landmarks-192.png'));
  const faces = { data, dims: [1, height, width, 3] };
  const [mesh, points] = await Promise.all(
    [landmarks, refiner].map(async (session) => (await session.run({ faces }))['points']!.data as Float32Array),
  );
  const { px } = MODEL_TOLERANCE;
  const mixes = mixed.map(({ yaw_ratio, points_in_crop: wanted }) => [
    `mixed points, yaw ratio ${yaw_ratio}`,
    [farthest(refinedPoints(mesh!, points!, yaw_ratio, rules), wanted.flat()), px] as const,
  ]);
  return checkDeviations({
    'points px': [farthest(points!, points_in_crop.flat()), px],
    ...Object.fromEntries(mixes),
  });
}

/** The verifier on the reference's own crop, and on two that hold no face. */
export async function compareVerifier(session: Session, folder: string, wanted: Reference['model_verifier']) {
  const { data, width } = await pixels(join(folder, 'crop-verifier-48.png'));
  const corner = data.map((_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return data[((y % 12) * width + (x % 12)) * 3 + channel]!;
  });
  const faces = Buffer.concat([data, new Uint8Array(data.length).fill(128), corner]);
  const output = await session.run({ faces: { data: faces, dims: [3, width, width, 3] } });
  const boxes = output['boxes']!.data as Float32Array;
  const { px, other } = MODEL_TOLERANCE;
  const deviations = (['crop', 'grey', 'corner'] as const).flatMap((name, i) => [
    [`${name} face`, [Math.abs(Number(output['face']!.data[i]) - wanted[name].face), other]] as const,
    [`${name} box px`, [farthest(boxes.subarray(i * 4, i * 4 + 4), wanted[name].box), px]] as const,
  ]);
  return checkDeviations(Object.fromEntries(deviations));
}

/** The attribute model on the reference's own crop and its mirror image. */
export async function compareAttributes(session: Session, folder: string, wanted: Reference['model_attributes']) {
  const crop = new Arena().adopt(await pixels(join(folder, 'crop-attributes-112.png')));
  const { width } = crop;
  const mirrored = crop.turned(2);
  const faces = Buffer.concat([crop.data, mirrored.data]);
  const output = await session.run({ faces: { data: faces, dims: [2, width, width, 3] } });
  const male = output['male']!.data as Float32Array;
  const age = output['age']!.data as Float32Array;
  return checkDeviations({
    male: [farthest(male, [wanted.male, wanted.mirrored_male]), MODEL_TOLERANCE.other],
    // The reference has ages with two decimals.
    age: [farthest(age, [wanted.age, wanted.mirrored_age]), MODEL_TOLERANCE.other + 0.005],
  });
}

/** A whole photograph, encoded bytes to faces. */
export async function comparePhotograph(pipeline: Pipeline, file: string, wanted: Reference['pipeline'][string]) {
  const { faces } = await pipeline.detect(await readFile(file), { ...DEFAULT_DETECTION_OPTIONS, profile: 'fast' });
  if (faces.length !== wanted.length) throw new Error(`${faces.length} faces, not ${wanted.length}`);
  if (faces.length === 0) return 'no face, as it should be';
  return wanted.map((face, i) => compareFace(faces[i]!, face)).join('; ');
}

function compareFace(found: DetectedFace, wanted: Reference['pipeline'][string][number]): string {
  const { x, y, width, height } = found.box;
  const [x1, y1, x2, y2] = wanted.box_x1y1x2y2;
  const overlap = iou({ x1: x, y1: y, x2: x + width, y2: y + height }, { x1, y1, x2, y2 });
  const distances = wanted.landmark_106.map(([px, py], i) =>
    Math.hypot(px - found.landmarks![2 * i]!, py - found.landmarks![2 * i + 1]!),
  );
  const mean = distances.reduce((a, b) => a + b) / distances.length / Math.sqrt(width * height);
  return checkDeviations({
    'box (1 - IoU)': [1 - overlap, 1 - PICTURE_TOLERANCE.boxIou],
    score: [Math.abs(found.confidence - wanted.score), PICTURE_TOLERANCE.score],
    'points (share of the face)': [mean, PICTURE_TOLERANCE.points],
    male: [Math.abs(found.attributes!.male - wanted.male), PICTURE_TOLERANCE.male],
    'age (years)': [Math.abs(found.attributes!.age - wanted.age), PICTURE_TOLERANCE.ageYears],
  });
}
