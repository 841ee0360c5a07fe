import { DEFAULT_MAX_FACES, type DetectionOptions } from '@facequeue/schema';
import { type Candidate, faceSize } from './candidate.ts';

/** The options that leave faces out. */
export type FaceLimits = Pick<DetectionOptions, 'max_faces' | 'min_confidence' | 'min_face_size'>;

/**
 * The faces that a call asked for: of all that are confident and large enough, the most confident.
 * @param candidates highest score first
 * @param defaultConfidence what a face needs when the call sets no confidence
 * @param scale px of the original per px of the candidates' image: `min_face_size` counts px of the original
 * @returns the faces, highest score first, and how many more there are
 */
export function selectFaces(
  candidates: readonly Candidate[],
  limits: FaceLimits,
  defaultConfidence: number,
  scale: number,
): { faces: Candidate[]; leftOut: number } {
  const { max_faces = DEFAULT_MAX_FACES, min_confidence = defaultConfidence, min_face_size = 0 } = limits;
  const fit = candidates.filter((one) => one.score >= min_confidence && faceSize(one) * scale >= min_face_size);
  return { faces: fit.slice(0, max_faces), leftOut: Math.max(0, fit.length - max_faces) };
}
