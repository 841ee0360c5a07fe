/**
 * Which passes run on an image, the face sizes that each contributes, and when to stop.
 * A large scale finds small faces but also false faces inside large ones, hence the gates by size.
 * The pack's manifest has the numbers, models/README.md the measurements.
 */

import type { Size } from '../image/index.ts';
import type { PassRules } from '../pack/passes.ts';
import type { Candidate } from './candidate.ts';
import { merge } from './nms.ts';
import type { Pass } from './passes.ts';

/** Rules for merging the candidates of several passes. */
export interface MergeRules {
  /** Candidates below it are not merged. */
  readonly candidate_score: number;
  readonly nms_iou: number;
  readonly vote_iou: number;
}

/** What the detector found, and at which scales it was run. */
export interface Findings {
  /** Merged, highest score first. */
  candidates: Candidate[];
  /** Network px per image px of each pass, in the order they ran. */
  scales: number[];
}

/** The score down to which candidates must be sent to the policy. */
export function lowestScore(passes: readonly Pass[], rules: MergeRules): number {
  return Math.min(rules.candidate_score, ...passes.map((pass) => pass.rules.skip?.speck_score ?? 1));
}

/**
 * The detection policy as a coroutine: it yields a pass and receives the candidates of that pass, those that score
 * `lowestScore` or more. It runs no model itself.
 */
export function* detectionPolicy(
  image: Size,
  passes: readonly Pass[],
  rules: MergeRules,
): Generator<Pass, Findings, Candidate[]> {
  const ran: { pass: Pass; found: Candidate[] }[] = [];
  for (const pass of passes) {
    if (isSkipped(pass.rules.skip, image, ran)) continue;
    ran.push({ pass, found: yield pass });
  }
  const gated = ran.flatMap(({ pass, found }, i) => {
    const { faces } = pass.rules;
    const from = i === ran.length - 1 ? 0 : faces.from;
    const to = faces.to ?? Infinity;
    return found.filter(({ score, passSize }) => score >= rules.candidate_score && passSize >= from && passSize < to);
  });
  return {
    candidates: merge(gated, rules.nms_iou, rules.vote_iou),
    scales: ran.map(({ pass }) => pass.scale),
  };
}

/** @param ran the passes before it that were not skipped */
function isSkipped(
  skip: PassRules['skip'],
  image: Size,
  ran: readonly { readonly found: readonly Candidate[] }[],
): boolean {
  if (!skip || Math.max(image.width, image.height) < skip.long_side) return false;
  const last = ran.at(-1)?.found ?? [];
  return (
    ran.some(({ found }) => found.some(({ score }) => score >= skip.face_score)) &&
    !last.some(({ passSize, score }) => passSize < skip.speck_size && score >= skip.speck_score)
  );
}
