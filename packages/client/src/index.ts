export { ERROR_CATALOGUE, type ErrorCode, FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
export { type CallOptions, type Client, type ClientOptions, createClient } from './client.ts';
export type { Detection, DetectOptions, Image } from './detection.ts';
