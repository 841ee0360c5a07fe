import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Deadline } from '@facequeue/time';
import { collect } from '../collect.ts';
import { forbidden, missedDeadline, unreachable } from '../errors.ts';
import type { SourceLimits } from '../limits.ts';
import { watchPace } from '../pace.ts';
import { createS3Connections, type S3Options } from './client.ts';
import { storageFailure } from './failures.ts';
import { isUnderPrefix } from './prefixes.ts';
import type { S3Object } from './s3-url.ts';

/** Fetches images from S3. The operator chooses the endpoint, so its address is not guarded; buckets and prefixes are. */
export function createS3Source(options: S3Options, limits: SourceLimits) {
  const { client, whileOpen, close } = createS3Connections(options, limits.connectMs);
  const open = async (bucket: string, key: string, deadline: Deadline, abortSignal: AbortSignal) => {
    using _headers = deadline.phase(limits.headersMs, () =>
      missedDeadline(limits.headersMs, 'the object storage did not answer'),
    );
    const command = new GetObjectCommand({ Bucket: bucket, Key: key });
    // The signal aborts the body too. Raced, because the look-up of credentials ignores the signal.
    return await deadline.race(client.send(command, { abortSignal }));
  };

  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout, body_too_large; the signal's reason */
    async fetch({ bucket, key }: S3Object, deadline: Deadline, onBytes?: (count: number) => void): Promise<Uint8Array> {
      if (!isUnderPrefix(options.prefixes, bucket, key))
        throw forbidden('the bucket or prefix is not among S3_SOURCE_PREFIXES');
      try {
        return await whileOpen(deadline.signal, async (signal) => {
          const { Body, ContentLength, ContentEncoding } = await open(bucket, key, deadline, signal);
          const body = Body as Readable;
          // Uploads in signed chunks may leave `aws-chunked` here, although the bytes are stored without it.
          if (ContentEncoding && !/^(aws-chunked|identity)?,?$/.test(ContentEncoding)) {
            body.on('error', () => {}).destroy();
            throw unreachable('the object is stored with a content encoding; store the image without one');
          }
          using pace = watchPace(deadline, limits.leastSpeed, 'object storage');
          return await collect(body, {
            declared: ContentLength,
            maxBytes: limits.maxBytes,
            onBytes(count) {
              pace.arrived(count);
              onBytes?.(count);
            },
          });
        });
      } catch (error) {
        deadline.signal.throwIfAborted();
        throw storageFailure(error);
      }
    },

    /** Closes all connections, including those in use. */
    close,
  };
}
