import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { Deadline, linkedAbort } from '@facequeue/time';
import { missedDeadline, unreachable } from '../errors.ts';
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

/** Limits of one request. */
export interface RequestLimits {
  /** Milliseconds, retries included. */
  ms: number;
  signal: AbortSignal | undefined;
  /** The text for a 403. */
  refused: string;
}

/** The connections of one user of an object storage. */
export interface S3Connections {
  readonly client: S3Client;
  /** The outcome of work whose signal aborts with the given one, and when the connections are closed. */
  whileOpen<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /**
   * Sends one request under a time limit and turns its failure into an error of the catalogue.
   * @throws FacequeueError source_forbidden, source_unreachable, source_timeout; the signal's reason
   */
  sendBounded<T>(send: (abort: { abortSignal: AbortSignal }) => Promise<T>, limits: RequestLimits): Promise<T>;
  /** Closes all connections; requests in progress fail. */
  close(): Promise<void>;
}

/** @param connectMs milliseconds to look up a name and connect, in each of the client's three attempts */
export function createS3Connections(options: S3Options, connectMs: number): S3Connections {
  const client = createS3Client(options, connectMs);
  /** What ends each piece of work in progress. The client alone would send a request that was cut off once more. */
  const ends = new Set<() => void>();

  const whileOpen: S3Connections['whileOpen'] = async (signal, work) => {
    using linked = linkedAbort(signal);
    const closed = Promise.withResolvers<never>();
    const end = () => {
      const error = unreachable('the connections to the object storage were closed');
      linked.abort(error);
      closed.reject(error);
    };
    ends.add(end);
    try {
      return await Promise.race([work(linked.signal), closed.promise]);
    } finally {
      ends.delete(end);
    }
  };

  return {
    client,
    whileOpen,
    async sendBounded(send, { ms, signal, refused }) {
      signal?.throwIfAborted();
      return await whileOpen(signal, async (open) => {
        using deadline = new Deadline({
          ms,
          onTimeout: () => missedDeadline(ms, 'the object storage did not answer'),
          parent: open,
        });
        try {
          // Raced, because the look-up of credentials ignores the signal.
          return await deadline.race(send({ abortSignal: deadline.signal }));
        } catch (error) {
          deadline.signal.throwIfAborted();
          throw storageFailure(error, refused);
        }
      });
    },
    async close() {
      for (const end of ends) end();
      client.destroy();
    },
  };
}

function createS3Client(options: S3Options, connectMs: number): S3Client {
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
