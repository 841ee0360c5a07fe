import type { StorageOptions } from './object-lister.ts';
import { once } from './once.ts';
import { checkOutput } from './s3/locations.ts';

/** Smallest part of an upload but for its last one, bytes; S3 refuses smaller ones when the upload is completed. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

/** An object that is to be written. */
export interface OutputTarget {
  /** `s3://bucket/key` */
  url: string;
  /** Whether it may take the place of another. */
  overwrite: boolean;
  contentType: string;
  /** Tells this target from any other: an object that was written under the same mark is the target, written in an earlier try. */
  mark: string;
}

/**
 * Writes objects, whole or in parts, and never over another unless told so: it looks first, and where the server knows
 * `If-None-Match` nobody can come between. Everything may be done again after a crash.
 *
 * All throw FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout, or the signal's reason.
 */
export interface ObjectWriter extends AsyncDisposable {
  /**
   * Whether the target is there already, from an earlier try.
   * @throws conflict when its place is taken by another object that it may not replace
   */
  inspect(target: OutputTarget, signal?: AbortSignal): Promise<'vacant' | 'written'>;
  /** Writes a small object whole. @throws conflict */
  put(target: OutputTarget, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Begins an upload in parts. @returns what names it; it stays until it is completed or aborted */
  begin(target: OutputTarget, signal?: AbortSignal): Promise<string>;
  /**
   * A part takes the place of one with the same number.
   * @param number from 1 to 10 000
   * @param bytes at least MIN_PART_BYTES, unless it is the last part
   * @returns what names it when the upload is completed
   */
  putPart(
    target: OutputTarget,
    upload: string,
    number: number,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<string>;
  /** Makes the object of the parts, in the order of their numbers. @throws conflict; the upload is still there then */
  complete(target: OutputTarget, upload: string, parts: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Takes an upload and its parts away; one that is gone is well. */
  abort(target: OutputTarget, upload: string, signal?: AbortSignal): Promise<void>;
  /** Ends all connections; what is under way fails. */
  close(): Promise<void>;
}

/** @param options `s3.prefixes`: where it may write */
export function createObjectWriter({ s3, connectMs, totalMs }: StorageOptions): ObjectWriter {
  const storage = once(async () => {
    const { createS3Writer } = await import('./s3/s3-writer.ts');
    return createS3Writer(s3, { connectMs, totalMs });
  });
  const close = async () => (await storage.made)?.close();
  /** The place is checked before the library is loaded. */
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
