import { type DetectionOptions, MAX_IMAGE_SIDE } from '@facequeue/schema';
import { faceSize } from './detection/candidate.ts';
import { detectFaces } from './detection/detector.ts';
import type { DetectedFace, Detection, StageTimings } from './detection.ts';
import type { DeviceChoice } from './device/choose.ts';
import { type OpenModels, openModels } from './device/open.ts';
import { findAttributes } from './faces/attributes.ts';
import { attributeCrop, landmarkCrop } from './faces/crop.ts';
import { findLandmarks } from './faces/landmarks.ts';
import { decode, type ImageLimits, type RgbImage, readHeader } from './image/index.ts';
import { loadPack, type Pack } from './pack/load.ts';

export interface PipelineOptions {
  /** Path of a pack's manifest; the repository's own by default. */
  packPath?: string;
  device: DeviceChoice;
  /** Threads of the CPU provider, 1 by default: one process a core gets more done. */
  threads?: number;
  /** What an image may measure; 4096 px a side by default. */
  limits?: ImageLimits;
}

export interface Pipeline extends AsyncDisposable {
  /** The device that runs: never `auto`. */
  readonly device: string;
  /** Why that device, in a sentence for the log. */
  readonly deviceReason: string;
  readonly model: { readonly name: string; readonly version: string };
  /**
   * Encoded bytes to faces.
   * @throws FacequeueError unsupported_media_type, image_too_large, image_undecodable
   */
  detect(bytes: Uint8Array, options: DetectionOptions): Promise<Detection>;
  /** Decoded pixels to faces. */
  detectPixels(image: RgbImage, options: DetectionOptions): Promise<Omit<Detection, 'image'>>;
  /** Runs every model once at the usual shapes, so that the first request is as fast as the next. */
  warm(): Promise<void>;
  /** Gives the models back. Not while a detection runs. */
  close(): Promise<void>;
}

const DEFAULT_LIMITS: ImageLimits = { maxSide: MAX_IMAGE_SIDE, maxPixels: MAX_IMAGE_SIDE * MAX_IMAGE_SIDE };

/**
 * Loads a pack and opens its models.
 * @throws PackError when the pack cannot be used, DeviceError when a device asked for by name is not there
 */
export async function createPipeline(options: PipelineOptions): Promise<Pipeline> {
  const pack = await loadPack(options.packPath);
  const models = await openModels(pack, options.device, options.threads ?? 1);
  return new ModelPipeline(pack, models, options.limits ?? DEFAULT_LIMITS);
}

class ModelPipeline implements Pipeline {
  readonly device: string;
  readonly deviceReason: string;
  readonly model: { readonly name: string; readonly version: string };
  readonly #pack: Pack;
  readonly #models: OpenModels;
  readonly #limits: ImageLimits;

  constructor(pack: Pack, models: OpenModels, limits: ImageLimits) {
    this.#pack = pack;
    this.#models = models;
    this.#limits = limits;
    this.device = models.device;
    this.deviceReason = models.reason;
    this.model = { name: pack.manifest.name, version: pack.manifest.version };
  }

  async detect(bytes: Uint8Array, options: DetectionOptions): Promise<Detection> {
    const start = performance.now();
    const header = readHeader(bytes, this.#limits);
    const image = await decode(bytes, header, { orient: options.orient, limits: this.#limits });
    const decoded = performance.now() - start;
    const { faces, timings, model } = await this.detectPixels(image, options);
    return {
      image: {
        width: image.width,
        height: image.height,
        format: header.format,
        bytes: bytes.length,
        orientation: header.orientation,
      },
      faces,
      timings: { ...timings, decode: decoded },
      model,
    };
  }

  async detectPixels(image: RgbImage, options: DetectionOptions): Promise<Omit<Detection, 'image'>> {
    const { detection, crops } = this.#pack.manifest;
    const timings: StageTimings = { decode: 0, detect: 0 };
    let start = performance.now();
    const lap = () => {
      const now = performance.now();
      const took = now - start;
      start = now;
      return took;
    };

    const confidence = options.min_confidence ?? detection.default_confidence;
    const smallest = options.min_face_size ?? 0;
    const candidates = await detectFaces(this.#models.sessions.detector, image, options.profile, detection);
    const faces = candidates
      .filter((one) => one.score >= confidence && faceSize(one) >= smallest)
      .slice(0, options.max_faces)
      .map(
        (one): DetectedFace => ({
          box: { x: one.x1, y: one.y1, width: one.x2 - one.x1, height: one.y2 - one.y1 },
          confidence: one.score,
          points5: one.points,
        }),
      );
    timings.detect = lap();

    if (options.landmarks) {
      const found = await findLandmarks(
        this.#models.sessions.landmarks,
        image,
        faces.map((face) => landmarkCrop(face.box, face.points5, crops.landmarks)),
        crops.landmarks,
      );
      faces.forEach((face, i) => {
        face.landmarks = found[i]!.points;
        face.presence = found[i]!.presence;
      });
      timings.landmarks = lap();
    }
    if (options.attributes) {
      const found = await findAttributes(
        this.#models.sessions.attributes,
        image,
        faces.map((face) => attributeCrop(face.points5, crops.attributes)),
        crops.attributes,
      );
      faces.forEach((face, i) => {
        face.attributes = found[i]!;
      });
      timings.attributes = lap();
    }
    return { faces, timings, model: this.model };
  }

  async warm(): Promise<void> {
    const { crops } = this.#pack.manifest;
    const grey: RgbImage = { data: new Uint8Array(640 * 480 * 3).fill(128), width: 640, height: 480 };
    const centre = { centreX: 320, centreY: 240, side: 200, roll: 0 };
    await detectFaces(this.#models.sessions.detector, grey, 'balanced', this.#pack.manifest.detection);
    await findLandmarks(this.#models.sessions.landmarks, grey, [centre], crops.landmarks);
    await findAttributes(this.#models.sessions.attributes, grey, [centre], crops.attributes);
  }

  async close(): Promise<void> {
    await this.#models[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
