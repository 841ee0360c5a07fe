import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { FacequeueError, isFacequeueError } from '@facequeue/schema';
import { unreachable } from '../errors.ts';
import { createS3Client, exchange, type S3Options } from './client.ts';
import { statusOf } from './failures.ts';
import type { S3Object } from './s3-url.ts';

/** Metadata that tells who wrote an object. */
const MARK = 'facequeue-writer';

/** An object to be written. */
export interface Target extends S3Object {
  overwrite: boolean;
  contentType: string;
  /** Unique to whatever is being written: an object that has it is the one. */
  mark: string;
}

/** Writes objects, whole or in parts. Prefixes are the caller's to check. */
export function createS3Writer(options: S3Options, { connectMs, totalMs }: { connectMs: number; totalMs: number }) {
  const client = createS3Client(options, connectMs);
  const naming = ({ bucket, key }: S3Object) => ({ Bucket: bucket, Key: key });
  const beginning = (target: Target) => ({
    ...naming(target),
    ContentType: target.contentType,
    Metadata: { [MARK]: target.mark },
  });
  const limits = (signal: AbortSignal | undefined, refused = 'The object storage refuses to write the object.') => ({
    ms: totalMs,
    signal,
    refused,
  });

  /** The mark of the object that is there, '' when it has none; null when there is none. */
  async function found(target: S3Object, signal?: AbortSignal): Promise<string | null> {
    const limit = limits(signal, 'The object storage refuses to say whether the object exists already.');
    try {
      const { Metadata } = await exchange((abort) => client.send(new HeadObjectCommand(naming(target)), abort), limit);
      return Metadata?.[MARK] ?? '';
    } catch (error) {
      if (isFacequeueError(error) && statusOf(error.cause) === 404) return null;
      throw error;
    }
  }

  /** @throws conflict when another object is there, and stays */
  async function inspect(target: Target, signal?: AbortSignal): Promise<'vacant' | 'written'> {
    const mark = await found(target, signal);
    if (mark === target.mark) return 'written';
    if (mark !== null && !target.overwrite) throw exists();
    return 'vacant';
  }

  /**
   * Makes an object appear: not over another unless the target says so, and well when it appeared in an earlier try.
   * @param send with the condition of the target, or none
   */
  async function appear(
    target: Target,
    send: (condition: { IfNoneMatch?: '*' }) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    if (!target.overwrite && (await inspect(target, signal)) === 'written') return;
    const condition = target.overwrite ? {} : { IfNoneMatch: '*' as const };
    try {
      await send(condition).catch((error: FacequeueError) => {
        // A server that does not know the condition; `inspect` above has to do.
        if (condition.IfNoneMatch && statusOf(error.cause) === 501) return send({});
        throw error;
      });
    } catch (error) {
      const status = isFacequeueError(error) ? statusOf(error.cause) : undefined;
      if (status !== 404 && status !== 412) throw error;
      // Somebody was faster, or an earlier try of ours got there whose answer was lost.
      if ((await inspect(target, signal)) === 'written') return;
      throw status === 412 ? exists() : error;
    }
  }

  return {
    inspect,

    async put(target: Target, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
      const input = { ...beginning(target), Body: bytes };
      await appear(
        target,
        (condition) =>
          exchange((abort) => client.send(new PutObjectCommand({ ...input, ...condition }), abort), limits(signal)),
        signal,
      );
    },

    async begin(target: Target, signal?: AbortSignal): Promise<string> {
      const command = new CreateMultipartUploadCommand(beginning(target));
      const { UploadId } = await exchange((abort) => client.send(command, abort), limits(signal));
      if (!UploadId) throw unreachable('The object storage began an upload without naming it.');
      return UploadId;
    },

    async putPart(target: S3Object, uploadId: string, number: number, bytes: Uint8Array, signal?: AbortSignal) {
      const command = new UploadPartCommand({
        ...naming(target),
        UploadId: uploadId,
        PartNumber: number,
        Body: bytes,
      });
      const { ETag } = await exchange((abort) => client.send(command, abort), limits(signal));
      if (!ETag) throw unreachable('The object storage took a part without naming it.');
      return ETag;
    },

    async complete(target: Target, uploadId: string, tags: readonly string[], signal?: AbortSignal): Promise<void> {
      const input = {
        ...naming(target),
        UploadId: uploadId,
        MultipartUpload: { Parts: tags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) },
      };
      await appear(
        target,
        (condition) =>
          exchange(
            (abort) => client.send(new CompleteMultipartUploadCommand({ ...input, ...condition }), abort),
            limits(signal),
          ),
        signal,
      );
    },

    async abort(target: S3Object, uploadId: string, signal?: AbortSignal): Promise<void> {
      const command = new AbortMultipartUploadCommand({ ...naming(target), UploadId: uploadId });
      try {
        await exchange((abort) => client.send(command, abort), limits(signal));
      } catch (error) {
        if (!isFacequeueError(error) || statusOf(error.cause) !== 404) throw error;
      }
    },

    close: async () => client.destroy(),
  };
}

const exists = () =>
  new FacequeueError('conflict', 'The output exists already, and overwrite was not asked for.', {
    parameter: 'output',
  });
