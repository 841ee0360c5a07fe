export { type AllowEntry, parseAllowEntry } from './address/allow-list.ts';
export type { PostAnswer } from './http/http-poster.ts';
export { checkImageUrl } from './image-url.ts';
export type { SourceLimits } from './limits.ts';
export {
  createObjectLister,
  type ListedObject,
  type ObjectLister,
  type ObjectPage,
  type StorageOptions,
} from './object-lister.ts';
export { createObjectWriter, MIN_PART_BYTES, type ObjectWriter, type OutputTarget } from './object-writer.ts';
export { createGuardedPoster, type GuardedPoster, type PosterOptions } from './poster.ts';
export { isTransient } from './s3/failures.ts';
export { checkListing, checkOutput } from './s3/locations.ts';
export { parseS3Prefix, type S3Prefix } from './s3/prefixes.ts';
export { createImageSource, type ImageSource, type SourceOptions } from './source.ts';
export {
  listerOptions,
  s3LocationVariables,
  sourceKindVariables,
  sourceOptions,
  sourceVariables,
  writerOptions,
} from './variables.ts';
export { parseWebhookUrl } from './webhook-url.ts';
