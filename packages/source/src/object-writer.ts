import { lazy } from '@facequeue/time';
import type { StorageOptions } from './object-lister.ts';
import { checkOutput } from './s3/locations.ts';

/** Smallest part of an upload, except for the last one, bytes. S3 refuses smaller ones when the upload is completed. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

/** An object to write. */
export interface OutputTarget {
  /** `s3://bucket/key` */
  url: string;
  /** Whether it may replace an existing object. */
  overwrite: boolean;
  contentType: string;
  /** Unique to this target: an object with the same mark is this target, written by an earlier attempt. */
  mark: string;
}

/**
 * Writes objects, whole or in parts. It never overwrites an existing object unless the target allows it: it checks first, and
 * `If-None-Match` prevents races on servers that support it. Every call is idempotent, so it can be repeated after a crash.
 *
 * All methods throw FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout, or the signal's reason.
 */
export interface ObjectWriter extends AsyncDisposable {
  /**
   * Whether an earlier attempt has already written the target.
   * @throws conflict when another object exists there and the target may not replace it
   */
  inspect(target: OutputTarget, signal?: AbortSignal): Promise<'vacant' | 'written'>;
  /** Writes a small object in one request. @throws conflict */
  put(target: OutputTarget, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Starts an upload in parts, which exists until it is completed or aborted. @returns the id of the upload */
  begin(target: OutputTarget, signal?: AbortSignal): Promise<string>;
  /**
   * Uploads a part. It replaces an earlier part with the same number.
   * @param number from 1 to 10 000
   * @param bytes at least MIN_PART_BYTES, unless it is the last part
   * @returns the tag of the part, for `complete`
   */
  putPart(
    target: OutputTarget,
    upload: string,
    number: number,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<string>;
  /** Makes the object from its parts. @param parts tags, in the order of the part numbers. @throws conflict; the upload then remains */
  complete(target: OutputTarget, upload: string, parts: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Removes an upload and its parts. Does nothing when there is no such upload. */
  abort(target: OutputTarget, upload: string, signal?: AbortSignal): Promise<void>;
  /** Closes all connections; requests in progress fail. */
  close(): Promise<void>;
}

/**
 * @param options `s3.prefixes`: locations that may be written
 * @example
 * await using writer = createObjectWriter(writerOptions(config));
 * const target = { url: 's3://results/1.ndjson', overwrite: false, contentType: 'application/x-ndjson', mark: batchId };
 * await writer.put(target, bytes);
 */
export function createObjectWriter({ s3, connectMs, totalMs }: StorageOptions): ObjectWriter {
  const storage = lazy(async () => {
    const { createS3Writer } = await import('./s3/s3-writer.ts');
    return createS3Writer(s3, { connectMs, totalMs });
  });
  const close = async () => (await storage.loaded)?.close();
  /** The location is checked before the library is loaded. */
  const at = async ({ url, ...target }: OutputTarget) => {
    const object = { ...target, ...checkOutput(url, s3.prefixes) };
    return { object, writer: await storage() };
  };
  return {
    async inspect(target, signal) {
      const { object, writer } = await at(target);
      return await writer.inspect(object, signal);
    },
    async put(target, bytes, signal) {
      const { object, writer } = await at(target);
      await writer.put(object, bytes, signal);
    },
    async begin(target, signal) {
      const { object, writer } = await at(target);
      return await writer.begin(object, signal);
    },
    async putPart(target, upload, number, bytes, signal) {
      const { object, writer } = await at(target);
      return await writer.putPart(object, upload, number, bytes, signal);
    },
    async complete(target, upload, parts, signal) {
      const { object, writer } = await at(target);
      await writer.complete(object, upload, parts, signal);
    },
    async abort(target, upload, signal) {
      const { object, writer } = await at(target);
      await writer.abort(object, upload, signal);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
