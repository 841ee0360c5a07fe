export { type AllowEntry, parseAllowEntry } from './address/allow-list.ts';
export type { PostAnswer } from './http/http-poster.ts';
export { checkImageUrl } from './image-url.ts';
export type { SourceLimits } from './limits.ts';
export { createGuardedPoster, type GuardedPoster, type PosterOptions } from './poster.ts';
export { parseS3Prefix, type S3Prefix } from './s3/prefixes.ts';
export { createImageSource, type ImageSource, type SourceOptions } from './source.ts';
export { sourceOptions, sourceVariables } from './variables.ts';
export { parseWebhookUrl } from './webhook-url.ts';
