import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { Deadline } from '@facequeue/time';
import { missedDeadline } from '../errors.ts';
import { storageFailure } from './failures.ts';
import type { S3Prefix } from './prefixes.ts';

const SOCKETS = 64;

export interface S3Options {
  /** Buckets and prefixes that may be used; none disables s3. */
  prefixes: readonly S3Prefix[];
  /** URL of an S3-compatible service. Absent: AWS, or the endpoint of the SDK's own configuration. */
  endpoint?: string | undefined;
  /** Absent: the SDK's own chain; with an endpoint `us-east-1`, since few of those services have regions. */
  region?: string | undefined;
  /** Bucket in the path instead of in the host name. */
  forcePathStyle: boolean;
  /** Absent: the SDK's default chain (environment, profile, web identity, instance role). */
  credentials?: S3ClientConfig['credentials'];
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
}

/** @param connectMs milliseconds to look up a name and connect, TLS included */
export function createS3Client(options: S3Options, connectMs: number): S3Client {
  const tls = options.ca ? { ca: options.ca } : {};
  return new S3Client({
    forcePathStyle: options.forcePathStyle,
    ...(options.endpoint && { endpoint: options.endpoint, region: 'us-east-1' }),
    ...(options.region && { region: options.region }),
    ...(options.credentials && { credentials: options.credentials }),
    // Not every S3-compatible service supports the newer checksums. Decoding detects a broken image, and ETags check parts.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectMs,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS, ...tls },
    },
  });
}

/**
 * Sends one request under a time limit and turns its failure into an error of the catalogue.
 * @param refused the text for a 403
 * @throws FacequeueError source_forbidden, source_unreachable, source_timeout; the signal's reason
 */
export async function sendBounded<T>(
  send: (abort: { abortSignal: AbortSignal }) => Promise<T>,
  { ms, signal, refused }: { ms: number; signal: AbortSignal | undefined; refused: string },
): Promise<T> {
  signal?.throwIfAborted();
  using deadline = new Deadline({
    ms,
    onTimeout: () => missedDeadline(ms, 'the object storage did not answer'),
    parent: signal,
  });
  try {
    // Raced, because the look-up of credentials ignores the signal.
    return await deadline.race(send({ abortSignal: deadline.signal }));
  } catch (error) {
    deadline.signal.throwIfAborted();
    throw storageFailure(error, refused);
  }
}
