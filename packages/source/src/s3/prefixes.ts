import { hasDotSegment } from './s3-url.ts';

/** A bucket or a folder in it that may be used. */
export interface S3Prefix {
  bucket: string;
  /** Empty for the whole bucket. */
  prefix: string;
}

/**
 * Parses `bucket` or `bucket/prefix`, with or without `s3://` before it. Null for anything else.
 * @example
 * parseS3Prefix('s3://photos/2024/'); // { bucket: 'photos', prefix: '2024' }
 */
export function parseS3Prefix(text: string): S3Prefix | null {
  const { bucket, prefix } = /^(?:s3:\/\/)?(?<bucket>[\w.-]{3,63})(?:\/(?<prefix>.*))?$/s.exec(text)?.groups ?? {};
  if (!bucket || hasDotSegment(prefix ?? '')) return null;
  return { bucket, prefix: (prefix ?? '').replace(/\/+$/, '') };
}

/**
 * Whether an object is under one of the prefixes. A prefix is a folder: `bucket/photos` admits the key `photos/a.jpg`
 * but not `photos-private/a.jpg`.
 * @param key without segments `..`, which some servers follow
 */
export function isUnderPrefix(prefixes: readonly S3Prefix[], bucket: string, key: string): boolean {
  return prefixes.some(
    (allowed) => allowed.bucket === bucket && (!allowed.prefix || key.startsWith(`${allowed.prefix}/`)),
  );
}
