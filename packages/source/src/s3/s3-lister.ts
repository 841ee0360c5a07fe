import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { createS3Client, exchange, type S3Options } from './client.ts';
import type { S3Listing } from './s3-url.ts';

/** What a page of a listing holds. */
export interface Listed {
  objects: { key: string; size: number }[];
  /** Continuation token; null at the end. */
  next: string | null;
}

/** Pages of buckets. Prefixes are the caller's to check. */
export function createS3Lister(options: S3Options, { connectMs, totalMs }: { connectMs: number; totalMs: number }) {
  const client = createS3Client(options, connectMs);
  return {
    async page({ bucket, prefix }: S3Listing, token: string, max: number, signal?: AbortSignal): Promise<Listed> {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        MaxKeys: max,
        // Keys may hold what XML cannot.
        EncodingType: 'url',
        ...(token && { ContinuationToken: token }),
      });
      const answer = await exchange((abort) => client.send(command, abort), {
        ms: totalMs,
        signal,
        refused: 'The object storage refuses to list the bucket.',
      });
      // Servers that do not know the encoding do not say that they used it.
      const decode = answer.EncodingType === 'url' ? decoded : (key: string) => key;
      return {
        objects: (answer.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: decode(Key), size: Size })),
        next: (answer.IsTruncated && answer.NextContinuationToken) || null,
      };
    },
    close: async () => client.destroy(),
  };
}

const decoded = (key: string) => decodeURIComponent(key.replaceAll('+', ' '));
