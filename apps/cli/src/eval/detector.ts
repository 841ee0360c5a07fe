/** What finds the faces that are evaluated: a service, or the models in this process. */
import type { Client } from '@facequeue/client';
import type { FoundFace } from '@facequeue/evaluation';
import { createPipeline, type Pipeline } from '@facequeue/pipeline';
import { imageLimits } from '@facequeue/pipeline/variables';
import { type DetectionOptions, type DetectionResult, FacequeueError } from '@facequeue/schema';
import type { EvalConfig } from '../config.ts';

/** What was found in an image. */
export interface Answer {
  /** Of the upright image, px. */
  width: number;
  height: number;
  /** Coordinates in px. */
  faces: FoundFace[];
  /** Faces that were found but are over `max_faces`. */
  leftOut: number;
  /** Time of the pipeline's stages, or of the call until its answer, ms. */
  ms: number;
}

export interface Detector extends AsyncDisposable {
  /** For people: the pack and the device, or the URL. */
  readonly name: string;
  /** Version of the pack; null until a service has answered. */
  readonly version: string | null;
  /**
   * @param signal ends a call to a service
   * @throws FacequeueError of the image
   */
  detect(bytes: Uint8Array, options: DetectionOptions, signal: AbortSignal): Promise<Answer>;
}

/** The models of MODEL_PACK in this process. @throws PackError, DeviceError */
export async function openPipelineDetector(config: EvalConfig): Promise<Detector> {
  const { MODEL_PACK: packPath, DEVICE: device } = config;
  const pipeline = await createPipeline({ packPath, device, limits: imageLimits(config) });
  const { name, version } = pipeline.model;
  return {
    name: `${name} ${version} (${pipeline.device})`,
    version,
    detect: (bytes, options) => detectHere(pipeline, bytes, options),
    [Symbol.asyncDispose]: () => pipeline.close(),
  };
}

async function detectHere(pipeline: Pipeline, bytes: Uint8Array, options: DetectionOptions): Promise<Answer> {
  const { image, faces, leftOut, timings } = await pipeline.detect(bytes, options);
  const ms = Object.values(timings).reduce((sum, stage) => sum + stage, 0);
  return { width: image.width, height: image.height, faces, leftOut, ms };
}

/** How long a service may take to answer before it is asked for the job instead, ms. */
const WAIT_MS = 30_000;

/** A service. @param url its address, as people know it */
export function openServiceDetector(client: Client, url: string): Detector {
  let version: string | null = null;
  return {
    name: url,
    get version() {
      return version;
    },
    async detect(bytes, { orient: _, ...options }, signal) {
      const start = performance.now();
      let job = await client.submit({ bytes }, options, { waitMs: WAIT_MS, signal });
      if (job.finished_at === null) job = await client.wait(job.id, { signal });
      if (!job.result || !job.image) {
        const { code, detail } = job.error ?? { code: 'internal_error', detail: `the job is ${job.status}` };
        throw new FacequeueError(code, detail);
      }
      version = job.result.FaceModelVersion;
      const { width, height, faces_left_out: leftOut = 0 } = job.image;
      return { width, height, leftOut, ms: performance.now() - start, faces: facesOf(job.result, width, height) };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** The faces of an answer, in px of an image of this size. */
function facesOf({ Faces }: DetectionResult, imageWidth: number, imageHeight: number): FoundFace[] {
  return Faces.map(({ BoundingBox, Confidence, landmark_106, gender, age }) => ({
    box: {
      x: BoundingBox.Left * imageWidth,
      y: BoundingBox.Top * imageHeight,
      width: BoundingBox.Width * imageWidth,
      height: BoundingBox.Height * imageHeight,
    },
    confidence: Confidence,
    ...(landmark_106 && { landmarks: landmark_106.flatMap(({ x, y }) => [x, y]) }),
    ...(gender && age !== undefined && { attributes: { male: Number(gender === 'male'), age } }),
  }));
}
