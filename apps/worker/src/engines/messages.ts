/** The messages between the worker and an engine process. Image bytes travel one way only: to the engine. */
import type { DetectionOptions, ErrorCode, ImageFacts, Timings } from '@facequeue/schema';

/** An image to detect faces in. */
export interface EngineImage {
  /** The file as it was received. A plain Uint8Array: it costs half of what a Buffer costs to send. */
  bytes: Uint8Array;
  options: DetectionOptions;
}

/** What an engine reports about itself once its models are loaded and have run. */
export interface EngineFacts {
  /** The device the sessions run on: cpu, webgpu, cuda, tensorrt. */
  device: string;
  /** Why this device was chosen, for the log. */
  reason: string;
  models: { name: string; version: string };
}

/** What an engine found. `result` is the compact form of `@facequeue/schema/result-codec`. */
export interface EngineAnswer {
  result: Uint8Array;
  image: ImageFacts;
  timings: Timings;
}

export type ToEngine =
  /** First message. `settings` are the pipeline's own; the worker only passes them on. */
  { type: 'start'; settings: unknown } | { type: 'detect'; image: EngineImage };

export type FromEngine =
  | { type: 'ready'; facts: EngineFacts }
  /** Models or device cannot be used: starting again would not help. */
  | { type: 'unusable'; message: string }
  /** `rss`, here and below: the engine's resident bytes after the image. */
  | { type: 'found'; answer: EngineAnswer; rss: number }
  /** The image is at fault: an error of the catalogue. */
  | { type: 'refused'; code: ErrorCode; detail: string; rss: number }
  /** The engine is at fault: a stack trace for the log, nothing for the public. */
  | { type: 'faulted'; stack: string; rss: number };
