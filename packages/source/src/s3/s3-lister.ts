import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { createS3Connections, type S3Options } from './client.ts';
import type { S3Listing } from './s3-url.ts';

/** One page of a listing. */
export interface Listed {
  objects: { key: string; size: number }[];
  /** Continuation token; null at the end. */
  next: string | null;
}

/** Lists buckets. The caller checks the prefixes. */
export function createS3Lister(options: S3Options, { connectMs, totalMs }: { connectMs: number; totalMs: number }) {
  const { client, sendBounded, close } = createS3Connections(options, connectMs);
  return {
    async page({ bucket, prefix }: S3Listing, token: string, max: number, signal?: AbortSignal): Promise<Listed> {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        MaxKeys: max,
        // Keys may contain characters that XML cannot represent.
        EncodingType: 'url',
        ...(token && { ContinuationToken: token }),
      });
      const answer = await sendBounded((abort) => client.send(command, abort), {
        ms: totalMs,
        signal,
        refused: 'the object storage refuses to list the bucket',
      });
      // The answer of a server that does not support the encoding does not name it.
      const decode = answer.EncodingType === 'url' ? decoded : (key: string) => key;
      return {
        objects: (answer.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: decode(Key), size: Size })),
        next: (answer.IsTruncated && answer.NextContinuationToken) || null,
      };
    },
    close,
  };
}

const decoded = (key: string) => decodeURIComponent(key.replaceAll('+', ' '));
