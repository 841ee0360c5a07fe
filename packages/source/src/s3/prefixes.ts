/** A part of a bucket that may be read. */
export interface S3Prefix {
  bucket: string;
  /** Empty for the whole bucket. */
  prefix: string;
}

/** Reads `bucket`, `bucket/prefix` or the same with `s3://` before it. Null for anything else. */
export function parseS3Prefix(text: string): S3Prefix | null {
  const { bucket, prefix } = /^(?:s3:\/\/)?(?<bucket>[\w.-]{3,63})(?:\/(?<prefix>.*))?$/s.exec(text)?.groups ?? {};
  return bucket ? { bucket, prefix: (prefix ?? '').replace(/\/+$/, '') } : null;
}

/**
 * Whether an object lies under one of the prefixes. A prefix is a folder: `bucket/photos` admits the key `photos/a.jpg`
 * and not `photos-private/a.jpg`. Keys have no `..`: to S3 it is a name like any other.
 */
export function isUnderPrefix(prefixes: readonly S3Prefix[], bucket: string, key: string): boolean {
  return prefixes.some(
    (allowed) => allowed.bucket === bucket && (!allowed.prefix || key.startsWith(`${allowed.prefix}/`)),
  );
}
