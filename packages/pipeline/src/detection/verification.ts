/**
 * A second opinion on the detector's candidates. A small detector scores a few textures as high as faces; a network that sees nothing
 * but one candidate's crop tells many of them apart, and places the box better.
 */
import type { Session } from '../device/session.ts';
import type { Crop } from '../faces/crop.ts';
import { runOnCrops } from '../faces/run-on-crops.ts';
import type { VerificationRules, VerifierCrop } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import type { Candidate, Corners } from './candidate.ts';
import { bounded, logit, sigmoid } from './log-odds.ts';

/** What the verifier says of one candidate. */
export interface Opinion {
  /** Probability of a face, 0..1. */
  face: number;
  box: Corners;
}

/** Probabilities nearer to 0 or 1 count as this far from them: the network is not that sure, and their logit has no bound. */
const LEAST_DOUBT = 1e-6;

const CANDIDATES_PER_RUN = 32;

const boundedLogit = (p: number) => logit(bounded(p, LEAST_DOUBT));

/** A candidate whose score and box have moved towards the verifier's, by the pack's shares. */
export function withOpinion(candidate: Candidate, opinion: Opinion, rules: VerificationRules): Candidate {
  const { x1, y1, x2, y2 } = candidate;
  const mixed = (side: keyof Corners) => candidate[side] + rules.box_share * (opinion.box[side] - candidate[side]);
  return {
    ...candidate,
    detectorBox: { x1, y1, x2, y2 },
    score: sigmoid(boundedLogit(candidate.score) + rules.score_share * boundedLogit(opinion.face)),
    x1: mixed('x1'),
    y1: mixed('y1'),
    x2: mixed('x2'),
    y2: mixed('y2'),
  };
}

/** The least score from which a verifier that is as sure as can be lifts a candidate to `confidence`, 0..1. */
export function leastPromising(confidence: number, rules: VerificationRules): number {
  const lift = rules.score_share * logit(1 - LEAST_DOUBT);
  return Math.max(rules.candidate_score, sigmoid(boundedLogit(confidence) - lift));
}

/**
 * The candidates that may be reported with `confidence`.
 * @param rules absent where no verifier is asked
 * @returns those to ask it about, and those that count as they are
 */
export function candidatesToVerify(
  candidates: readonly Candidate[],
  confidence: number,
  rules: VerificationRules | undefined,
): { unsure: Candidate[]; sure: Candidate[] } {
  const least = rules ? leastPromising(confidence, rules) : Number.POSITIVE_INFINITY;
  return {
    unsure: candidates.filter(({ score }) => score >= least),
    sure: candidates.filter(({ score }) => score < least && score >= confidence),
  };
}

/** The verifier's crop: an upright square round the box, scaled by the pack's rule. */
export function verifierCrop({ x1, y1, x2, y2 }: Corners, rule: VerifierCrop): Crop {
  return {
    centreX: (x1 + x2) / 2,
    centreY: (y1 + y2) / 2,
    side: rule.scale * Math.max(x2 - x1, y2 - y1),
    roll: 0,
  };
}

/**
 * Asks the verifier about each candidate.
 * @param candidates in px of `image`
 * @returns the candidates with score and box as `withOpinion` moves them, highest score first
 */
export async function verifyCandidates(
  session: Session,
  image: Pixels,
  candidates: readonly Candidate[],
  rules: VerificationRules,
  rule: VerifierCrop,
): Promise<Candidate[]> {
  const verified: Candidate[] = [];
  const places = candidates.map((candidate) => verifierCrop(candidate, rule));
  for await (const { crops, output } of runOnCrops(session, image, places, {
    size: rule.size,
    perRun: CANDIDATES_PER_RUN,
  })) {
    const face = output['face']!.data as Float32Array;
    const boxes = output['boxes']!.data as Float32Array;
    const some = candidates.slice(verified.length, verified.length + crops.length);
    some.forEach((candidate, i) => {
      verified.push(withOpinion(candidate, { face: face[i]!, box: inImage(boxes, i, crops[i]!, rule.size) }, rules));
    });
  }
  return verified.sort((a, b) => b.score - a.score);
}

/** A box of the network's output, from px of an upright crop to px of the image. */
function inImage(boxes: Float32Array, index: number, crop: Crop, size: number): Corners {
  const scale = crop.side / size;
  const left = crop.centreX - crop.side / 2;
  const top = crop.centreY - crop.side / 2;
  const at = (side: number) => boxes[index * 4 + side]! * scale;
  return { x1: left + at(0), y1: top + at(1), x2: left + at(2), y2: top + at(3) };
}
