import type { DetectionOptions, Profile } from '@facequeue/schema';
import type { OpenModels } from '../device/open.ts';
import type { Session } from '../device/session.ts';
import type { Manifest, VerificationRules, VerifierCrop } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import type { Candidate } from './candidate.ts';
import { detectFaces } from './detector.ts';
import { plannedPasses } from './passes.ts';
import type { Findings } from './policy.ts';
import { shrunk } from './pyramid.ts';
import { clearRotation, ROTATIONS, type Rotation, rotated } from './rotation.ts';
import { candidatesToVerify, verifyCandidates } from './verification.ts';

/** Long side, px, of the copy that is searched at 90, 180 and 270 degrees. */
const ROTATION_SIDE = 640;
/** How many candidates of a direction count, the most confident ones. */
const CANDIDATES_A_DIRECTION = 16;

/** What a search found. */
export interface Search extends Findings {
  /** The image in which the candidates lie: the one given, or that one turned. */
  image: Pixels;
  /** By how much it was turned, degrees clockwise. */
  rotation: Rotation;
}

/** What is known before the verifier runs. */
export interface Expected {
  /** Faces that may be reported. */
  candidates: number;
  /** Candidates about which the verifier is asked. */
  toVerify: number;
}

interface Verifier {
  session: Session;
  rules: VerificationRules;
  crop: VerifierCrop;
}

/** Searches images for faces with a pack's detector and verifier. */
export class FaceSearch {
  readonly #manifest: Manifest;
  readonly #sessions: OpenModels['sessions'];

  constructor(manifest: Manifest, sessions: OpenModels['sessions']) {
    this.#manifest = manifest;
    this.#sessions = sessions;
  }

  /**
   * Finds the candidates that the call may report. With `rotate=auto` it may turn the image first; where the profile asks for it, the
   * verifier gives its opinion.
   * @param scale px of the original per px of `image`: `min_face_size` counts px of the original
   * @param onFound called once, before the verifier runs
   */
  async search(
    image: Pixels,
    options: DetectionOptions,
    scale: number,
    onFound: (expected: Expected) => void = () => {},
  ): Promise<Search> {
    const { min_confidence = this.#manifest.detection.default_confidence, min_face_size = 0, profile } = options;
    const detect = (one: Pixels) => this.#detect(one, profile, min_face_size / scale);
    let search: Search = { ...(await detect(image)), image, rotation: 0 };
    const rotation = options.rotate === 'auto' ? await this.#rotationOf(image, search.candidates) : 0;
    if (rotation !== 0) {
      const turned = rotated(image, rotation);
      search = { ...(await detect(turned)), image: turned, rotation };
    }
    const verifier = this.#verifierOf(profile);
    const { unsure, sure } = candidatesToVerify(search.candidates, min_confidence, verifier?.rules);
    onFound({ candidates: unsure.length + sure.length, toVerify: unsure.length });
    const verified = await this.#verify(search.image, unsure, verifier);
    return { ...search, candidates: [...verified, ...sure].sort((a, b) => b.score - a.score) };
  }

  /** The candidates with the verifier's opinion, unchanged where the pack has no verifier. */
  async verify(image: Pixels, candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    return await this.#verify(image, candidates, this.#verifier());
  }

  #detect(image: Pixels, profile: Profile, minFaceSize: number): Promise<Findings> {
    const { detection } = this.#manifest;
    const passes = plannedPasses(image, detection.passes[profile], detection.smallest_face, minFaceSize);
    return detectFaces(this.#sessions.detector, image, passes, detection);
  }

  /**
   * The direction in which an image is upright: 0 where a face stands out as it is, or none wins clearly.
   * @param upright what was found in it as it is
   */
  async #rotationOf(image: Pixels, upright: readonly Candidate[]): Promise<Rotation> {
    const { default_confidence, rotation: rules } = this.#manifest.detection;
    const scores: Record<Rotation, number[]> = {
      0: await this.#bestScores(image, upright),
      90: [],
      180: [],
      270: [],
    };
    if (Math.max(0, ...scores[0]) >= rules.certain_score) return 0;
    using _copies = image.arena.scope();
    const small = smallCopy(image);
    for (const rotation of ROTATIONS) {
      using _turned = image.arena.scope();
      const turned = rotated(small, rotation);
      scores[rotation] = await this.#bestScores(turned, (await this.#detect(turned, 'fast', 0)).candidates);
    }
    return clearRotation(scores, default_confidence, rules);
  }

  /** Verified scores of the best candidates, whatever the profile. */
  async #bestScores(image: Pixels, candidates: readonly Candidate[]): Promise<number[]> {
    const best = candidates.slice(0, CANDIDATES_A_DIRECTION);
    return (await this.verify(image, best)).map(({ score }) => score);
  }

  async #verify(
    image: Pixels,
    candidates: readonly Candidate[],
    verifier: Verifier | null,
  ): Promise<readonly Candidate[]> {
    if (!verifier) return candidates;
    return await verifyCandidates(verifier.session, image, candidates, verifier.rules, verifier.crop);
  }

  /** The verifier and its rules; null where the pack has none. */
  #verifier(): Verifier | null {
    const { verification: rules, crops } = this.#manifest;
    const session = this.#sessions.verifier;
    return session && rules ? { session, rules, crop: crops.verifier! } : null;
  }

  /** The verifier; null where the profile does not ask it, too. */
  #verifierOf(profile: Profile): Verifier | null {
    const verifier = this.#verifier();
    return verifier?.rules.profiles.includes(profile) ? verifier : null;
  }
}

/** The image with a long side of `ROTATION_SIDE` at most. */
function smallCopy(image: Pixels): Pixels {
  const scale = ROTATION_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return shrunk(image, { width: side(image.width), height: side(image.height) });
}
