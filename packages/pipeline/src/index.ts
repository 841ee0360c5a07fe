/** Image bytes to faces. Loads native code: only engine processes and command line tools import this. */
export type { DetectedFace, Detection, StageTimings } from './detection.ts';
export { type Choice, chooseDevice, type EngineCounts } from './device/auto.ts';
export { type Device, type DeviceChoice, DeviceError } from './device/names.ts';
export type { ImageHeader, ImageLimits, RgbImage } from './image/index.ts';
export { decode, decodeImage, readHeader, sniff } from './image/index.ts';
export { DEFAULT_PACK, loadPack, type Pack, PackError } from './pack/load.ts';
export { createPipeline, type Pipeline, type PipelineOptions } from './pipeline.ts';
export { LARGE_PIXELS } from './pixels/index.ts';
export { renderResult } from './render.ts';
export { pipelineVariables } from './variables.ts';
export type { Check } from './verify/checks.ts';
export { type VerifyReport, verifyPack } from './verify/verify.ts';
export type { WorkReport } from './work.ts';
