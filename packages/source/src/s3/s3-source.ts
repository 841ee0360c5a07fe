import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Budget } from '../budget.ts';
import { collect } from '../collect.ts';
import { forbidden, unreachable } from '../errors.ts';
import type { SourceLimits } from '../limits.ts';
import { createS3Client, type S3Options } from './client.ts';
import { storageFailure } from './failures.ts';
import { isUnderPrefix } from './prefixes.ts';
import type { S3Object } from './s3-url.ts';

/** Images from S3. The endpoint is the operator's choice, so its address is not guarded; buckets and prefixes are. */
export function createS3Source(options: S3Options, limits: SourceLimits) {
  const client = createS3Client(options, limits.connectMs);
  const open = async (bucket: string, key: string, budget: Budget) => {
    using _headers = budget.phase(limits.headersMs, 'The object storage did not answer');
    const command = new GetObjectCommand({ Bucket: bucket, Key: key });
    // The signal ends the body too, as long as it comes. Raced, because the look-up of credentials heeds no signal.
    return await budget.race(client.send(command, { abortSignal: budget.signal }));
  };

  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout, body_too_large; the signal's reason */
    async fetch({ bucket, key }: S3Object, budget: Budget): Promise<Uint8Array> {
      if (!isUnderPrefix(options.prefixes, bucket, key))
        throw forbidden('The bucket or prefix is not among S3_SOURCE_PREFIXES.');
      try {
        const { Body, ContentLength, ContentEncoding } = await open(bucket, key, budget);
        const body = Body as Readable;
        // Uploads in signed chunks may have left `aws-chunked` behind; the bytes are plain all the same.
        if (ContentEncoding && !/^(aws-chunked|identity)?,?$/.test(ContentEncoding)) {
          body.on('error', () => {}).destroy();
          throw unreachable('The object is stored with a content encoding; store the image as it is.');
        }
        return await collect(body, { declared: ContentLength, maxBytes: limits.maxBytes });
      } catch (error) {
        budget.signal.throwIfAborted();
        throw storageFailure(error);
      }
    },

    /** Ends all connections, those in use too. */
    close: async () => client.destroy(),
  };
}
