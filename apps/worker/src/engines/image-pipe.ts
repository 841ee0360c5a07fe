/**
 * The pipe by which image bytes reach an engine, beside the IPC channel: one write and one read. Through the channel they would be
 * copied four times, twice into memory that stays until the next full collection.
 */
import { readSync } from 'node:fs';

/** The pipe's file descriptor in an engine, behind those of input, output, errors and IPC. */
export const IMAGE_FD = 4;

/**
 * Reads the next image, in an engine. It blocks the thread, which has nothing else to do: an engine gets one image at a time.
 * @param length bytes that the worker has announced
 * @throws when the worker closes the pipe before
 */
export function readImage(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const count = readSync(IMAGE_FD, bytes, at, length - at, null);
    if (count === 0) throw new Error('the worker closed the pipe');
    at += count;
  }
  return bytes;
}
