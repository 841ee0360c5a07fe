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
import { createS3Connections, type S3Options } from './client.ts';
import { statusOf } from './failures.ts';
import type { S3Object } from './s3-url.ts';

/** Name of the metadata that holds an object's mark. */
const MARK = 'facequeue-writer';

/** An object to write. */
export interface Target extends S3Object {
  overwrite: boolean;
  contentType: string;
  /** Unique to this target: an object with the same mark is this target, written by an earlier attempt. */
  mark: string;
}

/** Writes objects, whole or in parts. The caller checks the prefixes. */
export function createS3Writer(options: S3Options, { connectMs, totalMs }: { connectMs: number; totalMs: number }) {
  const { client, sendBounded, close } = createS3Connections(options, connectMs);
  const location = ({ bucket, key }: S3Object) => ({ Bucket: bucket, Key: key });
  const newObject = (target: Target) => ({
    ...location(target),
    ContentType: target.contentType,
    Metadata: { [MARK]: target.mark },
  });
  const limits = (signal: AbortSignal | undefined, refused = 'the object storage refuses to write the object') => ({
    ms: totalMs,
    signal,
    refused,
  });

  /** The mark of the existing object, '' when it has none; null when there is no object. */
  async function existingMark(target: S3Object, signal?: AbortSignal): Promise<string | null> {
    const limit = limits(signal, 'the object storage refuses to say whether the object already exists');
    try {
      const { Metadata } = await sendBounded(
        (abort) => client.send(new HeadObjectCommand(location(target)), abort),
        limit,
      );
      return Metadata?.[MARK] ?? '';
    } catch (error) {
      if (isFacequeueError(error) && statusOf(error.cause) === 404) return null;
      throw error;
    }
  }

  /** @throws conflict when another object exists and the target may not replace it */
  async function inspect(target: Target, signal?: AbortSignal): Promise<'vacant' | 'written'> {
    const mark = await existingMark(target, signal);
    if (mark === target.mark) return 'written';
    if (mark !== null && !target.overwrite) throw exists();
    return 'vacant';
  }

  /**
   * Runs the request that makes the object appear. Does not overwrite another object unless the target allows it, and succeeds when
   * an earlier attempt has written the target.
   * @param send the request, with or without the condition that no object exists
   */
  async function create(
    target: Target,
    send: (condition: { IfNoneMatch?: '*' }) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    if (!target.overwrite && (await inspect(target, signal)) === 'written') return;
    const condition = target.overwrite ? {} : { IfNoneMatch: '*' as const };
    try {
      await send(condition).catch((error: FacequeueError) => {
        // The server does not support the condition. The check by `inspect` above must suffice.
        if (condition.IfNoneMatch && statusOf(error.cause) === 501) return send({});
        throw error;
      });
    } catch (error) {
      const status = isFacequeueError(error) ? statusOf(error.cause) : undefined;
      if (status !== 404 && status !== 412) throw error;
      // Another writer was faster, or an earlier attempt succeeded and its answer was lost.
      if ((await inspect(target, signal)) === 'written') return;
      throw status === 412 ? exists() : error;
    }
  }

  return {
    inspect,

    async put(target: Target, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
      const input = { ...newObject(target), Body: bytes };
      await create(
        target,
        (condition) =>
          sendBounded((abort) => client.send(new PutObjectCommand({ ...input, ...condition }), abort), limits(signal)),
        signal,
      );
    },

    async begin(target: Target, signal?: AbortSignal): Promise<string> {
      const command = new CreateMultipartUploadCommand(newObject(target));
      const { UploadId } = await sendBounded((abort) => client.send(command, abort), limits(signal));
      if (!UploadId) throw unreachable('the object storage began an upload without an id');
      return UploadId;
    },

    async putPart(target: S3Object, uploadId: string, number: number, bytes: Uint8Array, signal?: AbortSignal) {
      const command = new UploadPartCommand({
        ...location(target),
        UploadId: uploadId,
        PartNumber: number,
        Body: bytes,
      });
      const { ETag } = await sendBounded((abort) => client.send(command, abort), limits(signal));
      if (!ETag) throw unreachable('the object storage accepted a part without an ETag');
      return ETag;
    },

    async complete(target: Target, uploadId: string, tags: readonly string[], signal?: AbortSignal): Promise<void> {
      const input = {
        ...location(target),
        UploadId: uploadId,
        MultipartUpload: { Parts: tags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) },
      };
      await create(
        target,
        (condition) =>
          sendBounded(
            (abort) => client.send(new CompleteMultipartUploadCommand({ ...input, ...condition }), abort),
            limits(signal),
          ),
        signal,
      );
    },

    async abort(target: S3Object, uploadId: string, signal?: AbortSignal): Promise<void> {
      const command = new AbortMultipartUploadCommand({ ...location(target), UploadId: uploadId });
      try {
        await sendBounded((abort) => client.send(command, abort), limits(signal));
      } catch (error) {
        if (!isFacequeueError(error) || statusOf(error.cause) !== 404) throw error;
      }
    },

    close,
  };
}

const exists = () =>
  new FacequeueError('conflict', 'the output already exists and overwrite is not set', {
    parameter: 'output',
  });
