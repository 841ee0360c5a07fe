import type { Readable } from 'node:stream';
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Budget } from '../budget.ts';
import { collect } from '../collect.ts';
import { forbidden, unreachable } from '../errors.ts';
import type { SourceLimits } from '../limits.ts';
import { storageFailure } from './failures.ts';
import { isUnderPrefix, type S3Prefix } from './prefixes.ts';

const SOCKETS = 64;

export interface S3Options {
  /** What may be read; none switches s3 off. */
  prefixes: readonly S3Prefix[];
  /** URL of an S3-compatible service. Absent: AWS, or what the SDK's own configuration says. */
  endpoint?: string | undefined;
  /** Absent: the SDK's own chain; `us-east-1` with an endpoint, where it rarely means anything. */
  region?: string | undefined;
  /** Bucket in the path instead of in the host name. */
  forcePathStyle: boolean;
  /** Absent: the SDK's default chain (environment, profile, web identity, instance role). */
  credentials?: S3ClientConfig['credentials'];
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
}

/** Images from S3. The endpoint is the operator's choice, so its address is not guarded; buckets and prefixes are. */
export function createS3Source(options: S3Options, limits: SourceLimits) {
  const tls = options.ca ? { ca: options.ca } : {};
  const client = new S3Client({
    forcePathStyle: options.forcePathStyle,
    ...(options.endpoint && { endpoint: options.endpoint, region: 'us-east-1' }),
    ...(options.region && { region: options.region }),
    ...(options.credentials && { credentials: options.credentials }),
    // Not every S3-compatible service knows the newer checksums, and a broken image is found when it is decoded.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: limits.connectMs,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS, ...tls },
    },
  });

  const open = async (bucket: string, key: string, budget: Budget) => {
    using _headers = budget.phase(limits.headersMs, 'The object storage did not answer');
    const command = new GetObjectCommand({ Bucket: bucket, Key: key });
    // The signal ends the body too, as long as it comes. Raced, because the look-up of credentials heeds no signal.
    return await budget.race(client.send(command, { abortSignal: budget.signal }));
  };

  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout, body_too_large; the signal's reason */
    async fetch({ bucket, key }: { bucket: string; key: string }, budget: Budget): Promise<Uint8Array> {
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
