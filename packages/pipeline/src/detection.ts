/** Detections in full precision. `renderResult` converts them to the public form. */
import type { ImageFacts, Searched } from '@facequeue/schema';
import type { Light } from './faces/light.ts';
import type { HeadPose } from './faces/pose.ts';

export interface DetectedFace {
  /** px of the upright image, fractional, not clipped to the image. */
  box: { x: number; y: number; width: number; height: number };
  /** 0..1 */
  confidence: number;
  /** The detector's five points: x, y of the image-left eye, image-right eye, nose, image-left and image-right mouth corner, px. */
  points5: Float32Array;
  /** 106 x, y pairs, px; absent when not requested. */
  landmarks?: Float32Array;
  /** 0..1: the landmark model's score that the crop holds a face; absent like `landmarks`. */
  presence?: number;
  /** Probability of male 0..1 and age in years; absent when not requested. */
  attributes?: { male: number; age: number };
  /** Absent when no detail was requested. */
  pose?: HeadPose;
  /** Absent like `pose`. */
  light?: Light;
}

/** Milliseconds per stage; a stage that was not requested is absent. */
export interface StageTimings {
  decode: number;
  /** Verification included. */
  detect: number;
  landmarks?: number;
  attributes?: number;
}

export interface Detection {
  /** Of the upright image. */
  image: ImageFacts;
  /** Sorted by confidence, highest first. */
  faces: DetectedFace[];
  timings: StageTimings;
  /** How many more faces were found than the call takes. */
  leftOut: number;
  /** What was searched; absent when no detail was requested. */
  searched?: Searched;
  /** The model pack that was used. */
  model: { name: string; version: string };
}
