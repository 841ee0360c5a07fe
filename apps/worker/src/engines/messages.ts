/** The messages between the worker and an engine process. Image bytes travel to the engine only, beside the messages (image-pipe.ts). */
import type { DetectionOptions, ErrorCode, ImageFacts, Timings } from '@facequeue/schema';

/** An image to detect faces in. */
export interface EngineImage {
  /** The file as it was received. */
  bytes: Uint8Array;
  options: DetectionOptions;
}

/** What an engine reports about itself once its models are loaded and have run. */
export interface EngineFacts {
  /** The device the sessions run on: cpu, webgpu, cuda, cuda:1, tensorrt. */
  device: string;
  models: { name: string; version: string };
}

/** The outcome of an image. `result` and `details` are the compact forms of `@facequeue/schema/result-codec`. */
export interface EngineAnswer {
  result: Uint8Array;
  /** Null when no detail was asked for. */
  details: Uint8Array | null;
  image: ImageFacts;
  timings: Timings;
}

export type ToEngine =
  /** First message. `settings` are the pipeline's own; the worker only passes them on. */
  | { type: 'start'; settings: unknown }
  /** An image of `length` bytes follows in the pipe. */
  | { type: 'detect'; length: number; options: DetectionOptions };

export type FromEngine =
  | { type: 'ready'; facts: EngineFacts }
  /** Models or device cannot be used: starting again would not help. */
  | { type: 'unusable'; message: string }
  /** How many pixels the image has, by its header. At most once an image, before `faces`. */
  | { type: 'pixels'; count: number }
  /** How many faces the image has that each take time from now on. At most once an image, before its outcome. */
  | { type: 'faces'; count: number }
  /** `rss`, here and below: the engine's resident bytes after the image. */
  | { type: 'found'; answer: EngineAnswer; rss: number }
  /** The image is bad: an error of the catalogue. */
  | { type: 'refused'; code: ErrorCode; detail: string; rss: number }
  /** A fault of the engine: the stack trace is for the log only. */
  | { type: 'faulted'; stack: string; rss: number };
