/** What the pipeline finds, in its own precise form; `renderResult` makes the public one. */
import type { ImageFacts } from '@facequeue/schema';

export interface DetectedFace {
  /** px of the upright image as stored, floats, not clipped to it. */
  box: { x: number; y: number; width: number; height: number };
  /** 0..1 */
  confidence: number;
  /** The detector's own x, y of the image-left eye, image-right eye, nose, image-left and image-right mouth corner, px. */
  points5: Float32Array;
  /** 106 x, y pairs, px; absent when not asked for. */
  landmarks?: Float32Array;
  /** 0..1: whether the landmark model takes the crop for a face; absent with `landmarks`. */
  presence?: number;
  /** Probability of male 0..1 and age in years; absent when not asked for. */
  attributes?: { male: number; age: number };
}

/** Milliseconds a stage took; a stage that was not asked for is absent. */
export interface StageTimings {
  decode: number;
  detect: number;
  landmarks?: number;
  attributes?: number;
}

export interface Detection {
  /** Of the upright image. */
  image: ImageFacts;
  /** By confidence, highest first. */
  faces: DetectedFace[];
  timings: StageTimings;
  /** The pack that made it. */
  model: { name: string; version: string };
}
