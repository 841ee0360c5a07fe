import type { Profile } from '@facequeue/schema';
import type { Session } from '../device/session.ts';
import type { RgbImage } from '../image/index.ts';
import type { DetectionRules } from '../pack/manifest.ts';
import { type Candidate, candidatesOf } from './candidate.ts';
import { type Letterbox, letterbox } from './letterbox.ts';
import { certainScales, detectionPolicy, SPECK_SCORE } from './policy.ts';
import { Pyramid } from './pyramid.ts';

/**
 * Finds faces: runs the detector for every pass that the detection policy requests.
 * @returns merged candidates that reach the pack's candidate score, highest first, in px of `image`
 */
export async function detectFaces(
  session: Session,
  image: RgbImage,
  profile: Profile,
  rules: DetectionRules,
): Promise<Candidate[]> {
  const fit = (scale: number) => letterbox(image, scale, rules.size_multiple);
  const pyramid = new Pyramid(
    image,
    certainScales(image, profile).map((scale) => fit(scale).content),
  );
  const lowest = Math.min(SPECK_SCORE, rules.candidate_score);
  const policy = detectionPolicy(image, profile, rules);
  let step = policy.next();
  while (!step.done) {
    const { index, scale } = step.value;
    const box = fit(scale);
    const output = await run(session, await pyramid.level(box.content), box);
    step = policy.next(candidatesOf(output, lowest, box.scaleX, box.scaleY, index));
  }
  return step.value;
}

async function run(session: Session, content: RgbImage, { canvas, net }: Letterbox) {
  const output = await session.run({
    images: { data: onCanvas(content, canvas.width, canvas.height), dims: [1, canvas.height, canvas.width, 3] },
    size: { data: BigInt64Array.of(BigInt(net.height), BigInt(net.width)), dims: [2] },
  });
  const values = (name: string) => output[name]!.data as Float32Array;
  return { scores: values('scores'), boxes: values('boxes'), points: values('points') };
}

/** The image in the top left corner of a black canvas. Returns the image's own array when it fills the canvas. */
function onCanvas(image: RgbImage, width: number, height: number): Uint8Array {
  if (image.width === width && image.height === height) return image.data;
  const canvas = new Uint8Array(width * height * 3);
  const stride = image.width * 3;
  for (let y = 0; y < image.height; y++) canvas.set(image.data.subarray(y * stride, (y + 1) * stride), y * width * 3);
  return canvas;
}
