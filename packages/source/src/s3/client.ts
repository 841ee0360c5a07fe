import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { Budget } from '../budget.ts';
import { storageFailure } from './failures.ts';
import type { S3Prefix } from './prefixes.ts';

const SOCKETS = 64;

export interface S3Options {
  /** What may be used; none switches s3 off. */
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

/** @param connectMs milliseconds to look up a name and connect, TLS included */
export function createS3Client(options: S3Options, connectMs: number): S3Client {
  const tls = options.ca ? { ca: options.ca } : {};
  return new S3Client({
    forcePathStyle: options.forcePathStyle,
    ...(options.endpoint && { endpoint: options.endpoint, region: 'us-east-1' }),
    ...(options.region && { region: options.region }),
    ...(options.credentials && { credentials: options.credentials }),
    // Not every S3-compatible service knows the newer checksums. A broken image is found when it is decoded, and parts are checked by their ETags.
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
 * One exchange with a time limit, its failure put into the catalogue's words.
 * @param refused the text for a 403
 * @throws FacequeueError source_forbidden, source_unreachable, source_timeout; the signal's reason
 */
export async function exchange<T>(
  send: (abort: { abortSignal: AbortSignal }) => Promise<T>,
  { ms, signal, refused }: { ms: number; signal: AbortSignal | undefined; refused: string },
): Promise<T> {
  signal?.throwIfAborted();
  using budget = new Budget(ms, signal, 'The object storage did not answer');
  try {
    // Raced, because the look-up of credentials heeds no signal.
    return await budget.race(send({ abortSignal: budget.signal }));
  } catch (error) {
    budget.signal.throwIfAborted();
    throw storageFailure(error, refused);
  }
}
