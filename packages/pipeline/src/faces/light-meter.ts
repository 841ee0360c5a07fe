import type { DetectedFace } from '../detection.ts';
import type { LandmarkCrop } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import type { Crop } from './crop.ts';
import { type Light, lightOf } from './light.ts';
import { warp } from './warp.ts';

/** Measures how well faces can be seen, on their crops for landmarks, so that these need not be cut twice. */
export class LightMeter {
  readonly #rule: LandmarkCrop;
  readonly #lights: Light[] = [];

  constructor(rule: LandmarkCrop) {
    this.#rule = rule;
  }

  /** Measures the next face by the pixels of its crop. */
  readonly measure = (pixels: Uint8Array): void => {
    const { size, scale } = this.#rule;
    // By the rule the crop is larger than the face.
    this.#lights.push(lightOf(pixels, size, Math.max(0, Math.round((size - size / scale) / 2))));
  };

  /** Cuts the crops of the next faces, where no model needs them, and measures them. */
  measureAll(image: Pixels, crops: readonly Crop[]): void {
    using _crop = image.arena.scope();
    const { size } = this.#rule;
    const pixels = image.arena.pixels({ width: size, height: size });
    for (const crop of crops) {
      warp(image, crop, pixels);
      this.measure(pixels.data);
    }
  }

  /** @param faces in the order in which they were measured; each gets its `light` */
  report(faces: readonly DetectedFace[]): void {
    faces.forEach((face, i) => {
      face.light = this.#lights[i]!;
    });
  }
}
