import { DEFAULT_DETECTION_OPTIONS, type DetectionOptions, FacequeueError } from '@facequeue/schema';
import sharp from 'sharp';
import type { Candidate, Corners } from './detection/candidate.ts';
import { rotateBack } from './detection/rotation.ts';
import { FaceSearch } from './detection/search.ts';
import { searchedBy } from './detection/searched.ts';
import { selectFaces } from './detection/selection.ts';
import type { DetectedFace, Detection, StageTimings } from './detection.ts';
import type { DeviceChoice } from './device/names.ts';
import { type OpenModels, openModels } from './device/open.ts';
import { findAttributes } from './faces/attributes.ts';
import { attributeCrop, type Crop, landmarkCrop, yawRatioOf } from './faces/crop.ts';
import { findLandmarks, type LandmarkPlace, type Refiner } from './faces/landmarks.ts';
import { LightMeter } from './faces/light-meter.ts';
import { poseOf } from './faces/pose.ts';
import { scaleFace } from './faces/scale.ts';
import { DEFAULT_LIMITS, decode, decodeImage, type ImageLimits, type RgbImage, readHeader } from './image/index.ts';
import { loadPack, type Pack } from './pack/load.ts';
import { Arenas, type KernelChoice, type Orientation, type Pixels } from './pixels/index.ts';
import { cutsCrops, type WorkReport, workOf } from './work.ts';

export interface PipelineOptions {
  /** Path of a pack's manifest; the repository's own by default. */
  packPath?: string;
  device: DeviceChoice;
  /** Threads of the CPU provider, 1 by default: one process per core has the higher throughput. */
  threads?: number;
  /** Largest accepted image; 8192 px a side and 50 megapixels by default. */
  limits?: ImageLimits;
  /** Which loops over pixels run; by default the fast ones, where this processor has SIMD instructions. */
  kernels?: KernelChoice;
}

export interface Pipeline extends AsyncDisposable {
  /** The device in use, never `auto`. */
  readonly device: string;
  /** Why this device was chosen, for the log. */
  readonly deviceReason: string;
  readonly model: { readonly name: string; readonly version: string };
  /**
   * Encoded bytes to faces.
   * @param report called as it becomes known how much work the image is
   * @throws FacequeueError unsupported_media_type, image_too_large, image_undecodable, invalid_request for an option that needs a model
   *   which the pack does not have
   */
  detect(bytes: Uint8Array, options: DetectionOptions, report?: Partial<WorkReport>): Promise<Detection>;
  /** Decoded pixels to faces. */
  detectPixels(image: RgbImage, options: DetectionOptions): Promise<Omit<Detection, 'image'>>;
  /** Runs every model at the usual shapes, so that the first request is as fast as later ones. */
  warm(): Promise<void>;
  /** Releases the models. Do not call it while a detection runs. */
  close(): Promise<void>;
}

/**
 * Loads a model pack and opens its models.
 * @throws PackError when the pack cannot be used, DeviceError when a device chosen by name is not available
 * @example
 * ```ts
 * await using pipeline = await createPipeline({ device: 'auto' });
 * const { faces } = await pipeline.detect(await readFile('photo.jpg'), DEFAULT_DETECTION_OPTIONS);
 * ```
 */
export async function createPipeline(options: PipelineOptions): Promise<Pipeline> {
  const pack = await loadPack(options.packPath);
  const models = await openModels(pack, options.device, options.threads ?? 1);
  return new ModelPipeline(pack, models, options.limits ?? DEFAULT_LIMITS, options.kernels);
}

/** Longest side at which an image is searched, px: profiles, tiles and memory are made for it. */
const LARGEST_DECODED_SIDE = 4096;

/** Shortest run of the detector over 128 x 128 px on a software renderer, ms. It takes about a second there, on a GPU some milliseconds. */
const SOFTWARE_MS = 200;

/** At this decoded size, a face of 16 px in the detector's 640 px input still has 32 px in its crop. */
const FAST_DECODE_SIDE = 1280;

class ModelPipeline implements Pipeline {
  readonly device: string;
  readonly deviceReason: string;
  readonly model: { readonly name: string; readonly version: string };
  readonly #pack: Pack;
  readonly #models: OpenModels;
  readonly #search: FaceSearch;
  readonly #limits: ImageLimits;
  readonly #arenas: Arenas;

  constructor(pack: Pack, models: OpenModels, limits: ImageLimits, kernels: KernelChoice | undefined) {
    this.#pack = pack;
    this.#models = models;
    this.#search = new FaceSearch(pack.manifest, models.sessions);
    this.#limits = limits;
    this.#arenas = new Arenas(kernels);
    this.device = models.device;
    this.deviceReason = models.reason;
    this.model = { name: pack.manifest.name, version: pack.manifest.version };
  }

  async detect(
    bytes: Uint8Array,
    options: DetectionOptions,
    { pixels: onPixels = ignored, faces: onFaces = ignored }: Partial<WorkReport> = {},
  ): Promise<Detection> {
    if (options.landmarks === 'refined') this.#refiner();
    const lap = stopwatch();
    const header = readHeader(bytes, this.#limits);
    const pixels = header.width * header.height;
    using taken = this.#arenas.take(pixels);
    onPixels(pixels);
    const image = await decode(bytes, header, {
      orient: options.orient,
      limits: this.#limits,
      maxSide: LARGEST_DECODED_SIDE,
      allocate: (size) => taken.arena.pixels(size),
      makeUpright: (stored, orientation) => stored.turned(orientation as Orientation),
      ...(options.profile === 'fast' && { minSide: fastDecodeSide(options) }),
    });
    const decoded = lap();
    const onItsSide = options.orient && header.orientation >= 5;
    const { width, height } = onItsSide ? { width: header.height, height: header.width } : header;
    const scale = { x: width / image.width, y: height / image.height };
    const found = await this.#find(image, options, Math.sqrt(scale.x * scale.y), onFaces);
    const { faces, leftOut, timings } = found;
    for (const face of faces) scaleFace(face, scale);
    return {
      ...found,
      image: {
        width,
        height,
        format: header.format,
        bytes: bytes.length,
        orientation: header.orientation,
        ...(leftOut > 0 && { faces_left_out: leftOut }),
      },
      timings: { ...timings, decode: decoded },
    };
  }

  async detectPixels(image: RgbImage, options: DetectionOptions): Promise<Omit<Detection, 'image'>> {
    using taken = this.#arenas.take(image.width * image.height);
    return await this.#find(taken.arena.adopt(image), options, 1, ignored);
  }

  /**
   * Finds and describes faces, in px of the image given.
   * @param scale px of the original per px of the image given: `min_face_size` counts px of the original
   */
  async #find(
    given: Pixels,
    options: DetectionOptions,
    scale: number,
    onFaces: (count: number) => void,
  ): Promise<Omit<Detection, 'image'>> {
    const { detection, crops } = this.#pack.manifest;
    const timings: StageTimings = { decode: 0, detect: 0 };
    const lap = stopwatch();

    const { candidates, scales, image, rotation } = await this.#search.search(given, options, scale, (expected) =>
      onFaces(workOf(expected, options)),
    );
    const selected = selectFaces(candidates, options, detection.default_confidence, scale);
    const faces = selected.faces.map(
      (one): DetectedFace => ({ box: boxOf(one), confidence: one.score, points5: one.points }),
    );
    timings.detect = lap();

    const places = selected.faces.map((one) => ({
      crop: landmarkCrop(boxOf(one.detectorBox ?? one), one.points, crops.landmarks),
      yawRatio: yawRatioOf(one.points),
    }));
    const light = options.detail ? new LightMeter(crops.landmarks) : null;
    if (options.landmarks) {
      await this.#addLandmarks(faces, image, places, options.landmarks === 'refined', light);
      timings.landmarks = lap();
    }
    if (options.attributes) {
      await this.#addAttributes(faces, image);
      timings.attributes = lap();
    }
    if (light && !options.landmarks)
      light.measureAll(
        image,
        places.map(({ crop }) => crop),
      );
    light?.report(faces);
    for (const face of faces) rotateBack(face, rotation, image);
    const { leftOut } = selected;
    const found = { faces, timings, leftOut, model: this.model };
    if (!options.detail) return found;
    for (const face of faces) face.pose = poseOf(face.points5, face.landmarks);
    const sizes = { smallestFace: detection.smallest_face, minFaceSize: options.min_face_size ?? 0, leftOut };
    return { ...found, searched: searchedBy({ scales, rotation }, scale, sizes) };
  }

  /** Adds the 106 points to each face. @param light measures the crops that the landmark model sees */
  async #addLandmarks(
    faces: readonly DetectedFace[],
    image: Pixels,
    places: readonly LandmarkPlace[],
    refined: boolean,
    light: LightMeter | null,
  ): Promise<void> {
    const rule = this.#pack.manifest.crops.landmarks;
    const refiner = refined ? this.#refiner() : null;
    const { landmarks } = this.#models.sessions;
    const found = await findLandmarks(landmarks, refiner, image, places, rule, light?.measure);
    found.forEach(({ points, presence }, i) => {
      Object.assign(faces[i]!, { landmarks: points, presence });
    });
  }

  /** Adds gender and age to each face. */
  async #addAttributes(faces: readonly DetectedFace[], image: Pixels): Promise<void> {
    const rule = this.#pack.manifest.crops.attributes;
    const places = faces.map((face) => attributeCrop(face.points5, rule));
    const found = await findAttributes(this.#models.sessions.attributes, image, places, rule);
    found.forEach((attributes, i) => {
      faces[i]!.attributes = attributes;
    });
  }

  /** The refiner and its rules. @throws FacequeueError invalid_request when the pack has none */
  #refiner(): Refiner {
    const { refiner: session } = this.#models.sessions;
    const { refinement: rules, name } = this.#pack.manifest;
    if (session && rules) return { session, rules };
    throw new FacequeueError(
      'invalid_request',
      `option landmarks: the model pack ${name} has no model for refined ones`,
    );
  }

  async warm(): Promise<void> {
    if (this.device !== 'cpu' && (await this.#isSoftwareRendered())) return;
    const { crops } = this.#pack.manifest;
    const { landmarks, attributes } = this.#models.sessions;
    const bytes = await sharp({ create: { width: 1920, height: 1080, channels: 3, background: '#808080' } })
      .jpeg()
      .toBuffer();
    using taken = this.#arenas.take(0);
    const large = taken.arena.adopt(await decodeImage(bytes));
    const small = large.part(0, 0, { width: 640, height: 480 });
    // Reduced and enlarged crops take different paths through the warp. V8 has compiled both after three passes.
    const places = [100, 500].map((side) => ({ centreX: 320, centreY: 240, side, roll: 0.1 }));
    const refiner = this.#models.sessions.refiner ? this.#refiner() : null;
    for (let pass = 0; pass < 3; pass++) {
      for (const image of [large, small]) await this.#search.search(image, DEFAULT_DETECTION_OPTIONS, 1);
      for (const place of places) {
        await findLandmarks(landmarks, refiner, large, [{ crop: place, yawRatio: 0 }], crops.landmarks);
        await findAttributes(attributes, large, [place], crops.attributes);
        await this.#search.verify(large, [candidateAt(place)]);
      }
    }
  }

  /** Whether the "GPU" is a software renderer: warming it up would take minutes and make nothing faster. */
  async #isSoftwareRendered(): Promise<boolean> {
    using taken = this.#arenas.take(0);
    const tiny = taken.arena.pixels({ width: 64, height: 64 });
    tiny.data.fill(128);
    const search = () => this.#search.search(tiny, { ...DEFAULT_DETECTION_OPTIONS, profile: 'fast' }, 1);
    // A GPU's first run compiles its kernels.
    await search();
    const lap = stopwatch();
    await search();
    return lap() > SOFTWARE_MS;
  }

  async close(): Promise<void> {
    await this.#models[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * The long side, px, to which profile `fast` may decode a large JPEG: the size of the detector's input, or twice that when
 * crops are cut from it. Compared with full decoding, points of faces over 16 px in the network's input move by less than
 * 0.9 % of the face, ages change by less than 3 years, and decoding takes a sixth to a half less time.
 */
function fastDecodeSide(options: DetectionOptions): number {
  return cutsCrops(options) ? FAST_DECODE_SIDE : FAST_DECODE_SIDE / 2;
}

function boxOf({ x1, y1, x2, y2 }: Corners): DetectedFace['box'] {
  return { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
}

/** A candidate for warming up, whose crop is the one given. */
function candidateAt({ centreX, centreY, side }: Crop): Candidate {
  const half = side / 2;
  const corners = { x1: centreX - half, y1: centreY - half, x2: centreX + half, y2: centreY + half };
  return { ...corners, score: 0.5, points: new Float32Array(10), passSize: side, pass: 0 };
}

const ignored = (_count: number) => {};

/** Each call returns the milliseconds since the previous one. */
function stopwatch(): () => number {
  let start = performance.now();
  return () => {
    const now = performance.now();
    const took = now - start;
    start = now;
    return took;
  };
}
