import { invalidUrl } from '../errors.ts';

/** An object of a bucket. */
export interface S3Object {
  bucket: string;
  key: string;
}

/** The objects of a bucket whose keys begin with a prefix. */
export interface S3Listing {
  bucket: string;
  /** Empty for the whole bucket. */
  prefix: string;
}

/** Bucket names that S3 and compatible services allow, including those from before 2018 (capitals, underscores). */
const S3_URL = /^s3:\/\/(?<bucket>(?!\.+(?:\/|$))[\w.-]{3,63})(?:\/(?<key>.*))?$/is;
/** Names to S3; folders to servers that keep objects as files, and to proxies that resolve paths. They would lead out of a prefix. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;
/** S3 counts bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/**
 * Parses `s3://bucket/key` literally, as the AWS command line does: no percent-decoding, and `?` and `#` are ordinary
 * characters of the key. Segments `.` and `..` are refused.
 * @param text from `urlText`
 * @param name the request member that holds it
 * @throws FacequeueError invalid_request
 */
export function parseS3Object(text: string, name: string): S3Object {
  const { bucket, key } = parts(text, name) ?? {};
  if (!bucket || !key) throw invalidUrl(`${name} is not of the form s3://bucket/key`, name);
  return { bucket, key };
}

/**
 * Parses `s3://bucket`, `s3://bucket/` or `s3://bucket/prefix`, equally literally.
 * @param text from `urlText`
 * @param name the request member that holds it
 * @throws FacequeueError invalid_request
 */
export function parseS3Listing(text: string, name: string): S3Listing {
  const { bucket, key } = parts(text, name) ?? {};
  if (!bucket) throw invalidUrl(`${name} is not of the form s3://bucket/prefix`, name);
  return { bucket, prefix: key ?? '' };
}

export function s3Url({ bucket, key }: S3Object): string {
  return `s3://${bucket}/${key}`;
}

function parts(text: string, name: string) {
  const found = S3_URL.exec(text)?.groups as { bucket: string; key?: string } | undefined;
  if (Buffer.byteLength(found?.key ?? '') > MAX_KEY_BYTES)
    throw invalidUrl(`the key in ${name} is longer than ${MAX_KEY_BYTES} bytes`, name);
  if (hasDotSegment(found?.key ?? '')) throw invalidUrl(`the key in ${name} has a segment . or ..`, name);
  return found;
}

/** Whether a text has a segment `.` or `..`. */
export const hasDotSegment = (key: string) => DOT_SEGMENT.test(key);
