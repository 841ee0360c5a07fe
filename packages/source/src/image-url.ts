import { invalidUrl } from './errors.ts';
import { parseWebUrl, urlText } from './web-url.ts';

/** Where an image lies: an object of an S3 bucket, or a web address. */
export type ImageUrl = { scheme: 's3'; bucket: string; key: string } | { scheme: 'http'; url: URL };

/** Bucket names as S3 and its relatives allow them, those of before 2018 (capitals, underscores) included. */
const S3_URL = /^s3:\/\/(?<bucket>[\w.-]{3,63})\/(?<key>.+)$/is;
/** S3 counts bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/**
 * Reads an image URL; looks at its shape only, without any network.
 *
 * `s3://bucket/key` is taken literally, as the AWS command line does: no percent-decoding, and `..`, `?` and `#` are
 * ordinary characters of the key. User names and passwords in a URL are refused: they would be kept with the job.
 * @throws FacequeueError invalid_request
 */
export function parseImageUrl(text: string): ImageUrl {
  const trimmed = urlText(text, 'url');
  if (/^s3:/i.test(trimmed)) return parseS3Url(trimmed);
  return { scheme: 'http', url: parseWebUrl(trimmed, 'url', 'http, https or s3') };
}

function parseS3Url(text: string): ImageUrl {
  const { bucket, key } = S3_URL.exec(text)?.groups ?? {};
  if (!bucket || !key) throw invalidUrl('url is not of the form s3://bucket/key.');
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw invalidUrl(`The key in url is longer than ${MAX_KEY_BYTES} bytes.`);
  return { scheme: 's3', bucket, key };
}

/**
 * Checks that a URL has a shape this package can fetch: http, https or s3, a host or bucket, no credentials.
 * Whether its address is allowed is only known when it is fetched.
 * @throws FacequeueError invalid_request
 */
export function checkImageUrl(text: string): void {
  parseImageUrl(text);
}
