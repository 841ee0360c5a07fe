/** Locations that batches may read and write. Decided from URLs and settings alone, which lets a gateway refuse at once. */
import { forbidden, invalidUrl } from '../errors.ts';
import { urlText } from '../web-url.ts';
import { isUnderPrefix, type S3Prefix } from './prefixes.ts';
import { parseS3Listing, parseS3Object, type S3Listing, type S3Object } from './s3-url.ts';

export { s3Url } from './s3-url.ts';

/**
 * Parses the prefix of a listing, `s3://bucket/path/`, and checks that everything under it may be read.
 * @param prefixes S3_SOURCE_PREFIXES
 * @example checkListing('s3://photos/2024/', [{ bucket: 'photos', prefix: '' }]); // { bucket: 'photos', prefix: '2024/' }
 * @throws FacequeueError invalid_request, source_forbidden
 */
export function checkListing(url: string, prefixes: readonly S3Prefix[]): S3Listing {
  const listing = parseS3Listing(urlText(url, 's3.prefix'), 's3.prefix');
  if (isUnderPrefix(prefixes, listing.bucket, listing.prefix)) return listing;
  const folder = isUnderPrefix(prefixes, listing.bucket, `${listing.prefix}/`);
  throw forbidden(
    folder
      ? 's3.prefix reaches past what S3_SOURCE_PREFIXES allows: end it with /'
      : 's3.prefix is not among S3_SOURCE_PREFIXES',
  );
}

/**
 * Parses the location for results, `s3://bucket/key`, and checks that writing there is allowed.
 * @param prefixes S3_OUTPUT_PREFIXES
 * @example checkOutput('s3://results/1.ndjson', [{ bucket: 'results', prefix: '' }]); // { bucket: 'results', key: '1.ndjson' }
 * @throws FacequeueError invalid_request, source_forbidden
 */
export function checkOutput(url: string, prefixes: readonly S3Prefix[]): S3Object {
  const object = parseS3Object(urlText(url, 'output'), 'output');
  if (object.key.endsWith('/')) throw invalidUrl('output names a folder, not an object', 'output');
  if (!isUnderPrefix(prefixes, object.bucket, object.key)) throw forbidden('output is not among S3_OUTPUT_PREFIXES');
  return object;
}
