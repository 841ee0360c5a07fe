import type { Profile } from '@facequeue/schema';
import type { Session } from '../device/session.ts';
import type { RgbImage } from '../image/index.ts';
import type { DetectionRules } from '../pack/manifest.ts';
import { type Candidate, candidatesOf } from './candidate.ts';
import { letterbox } from './letterbox.ts';
import { detectionPolicy, type Pass } from './policy.ts';
import { shrink } from './shrink.ts';

/**
 * Finds faces: follows the detection policy, running the detector for every pass it asks for.
 * @returns merged candidates from the pack's candidate score on, highest first, in px of `image`
 */
export async function detectFaces(
  session: Session,
  image: RgbImage,
  profile: Profile,
  rules: DetectionRules,
): Promise<Candidate[]> {
  const policy = detectionPolicy(image, profile, rules);
  let step = policy.next();
  while (!step.done) step = policy.next(await runPass(session, image, step.value, rules));
  return step.value;
}

async function runPass(session: Session, image: RgbImage, pass: Pass, rules: DetectionRules): Promise<Candidate[]> {
  const box = letterbox(image, pass.scale, rules.size_multiple);
  const content = box.content.width < image.width ? shrink(image, box.content) : image;
  const canvas = onCanvas(content, box.canvas.width, box.canvas.height);
  const output = await session.run({
    images: { data: canvas, dims: [1, box.canvas.height, box.canvas.width, 3] },
    size: { data: BigInt64Array.of(BigInt(box.net.height), BigInt(box.net.width)), dims: [2] },
  });
  return candidatesOf(
    {
      scores: output['scores']!.data as Float32Array,
      boxes: output['boxes']!.data as Float32Array,
      points: output['points']!.data as Float32Array,
    },
    rules.candidate_score,
    box.scaleX,
    box.scaleY,
    pass.index,
  );
}

/** The image in the top left corner of a black canvas; the image's own pixels when it fills it. */
function onCanvas(image: RgbImage, width: number, height: number): Uint8Array {
  if (image.width === width && image.height === height) return image.data;
  const canvas = new Uint8Array(width * height * 3);
  const stride = image.width * 3;
  for (let y = 0; y < image.height; y++) canvas.set(image.data.subarray(y * stride, (y + 1) * stride), y * width * 3);
  return canvas;
}
