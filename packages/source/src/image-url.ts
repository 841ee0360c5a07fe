import { requireSource, SOURCE_KINDS, type SourceKind } from '@facequeue/schema';
import { parseS3Object } from './s3/s3-url.ts';
import { parseWebUrl, urlText } from './web-url.ts';

/** Location of an image: an object of an S3 bucket, or a web address. */
export type ImageUrl = { scheme: 's3'; bucket: string; key: string } | { scheme: 'http'; url: URL };

/**
 * Parses an image URL. Checks its form only, without any network access.
 *
 * User names and passwords are refused: they would be stored with the job.
 * @throws FacequeueError invalid_request
 */
export function parseImageUrl(text: string): ImageUrl {
  const trimmed = urlText(text, 'url');
  if (/^s3:/i.test(trimmed)) return { scheme: 's3', ...parseS3Object(trimmed, 'url') };
  return { scheme: 'http', url: parseWebUrl(trimmed, 'url', 'http, https or s3') };
}

/**
 * Checks the form of a URL: http, https or s3, a host or bucket, no credentials.
 * Whether its address is allowed is known only when it is fetched.
 * @param kinds sources that are allowed
 * @throws FacequeueError invalid_request, source_forbidden
 * @example
 * checkImageUrl('file:///etc/passwd'); // throws: url is not http, https or s3
 */
export function checkImageUrl(text: string, kinds: readonly SourceKind[] = SOURCE_KINDS): void {
  requireSource(kinds, kindOf(parseImageUrl(text)));
}

/** The kind of source that an image URL names. */
export const kindOf = ({ scheme }: ImageUrl): SourceKind => (scheme === 's3' ? 's3' : 'url');
