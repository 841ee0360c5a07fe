/**
 * The pipe by which image bytes reach an engine, beside the IPC channel: one write and one read. Through the channel they would be
 * copied four times, twice into memory that stays until the next full collection.
 */
import { readSync } from 'node:fs';

/** The pipe's file descriptor in an engine, after stdin, stdout, stderr and IPC. */
export const IMAGE_FD = 4;

/** A longer image gets an array of its own, which is not kept for the next one. */
const KEPT_BYTES = 4 << 20;

/** Holds each image until the next one is read. */
let kept = new Uint8Array(0);

/**
 * Reads the next image, in an engine. It blocks the thread, which has nothing else to do: an engine gets one image at a time.
 * @param length bytes that the worker has announced
 * @returns the image's bytes, valid until the next call
 * @throws Error when the worker closes the pipe first
 */
export function readImage(length: number): Uint8Array {
  if (length > kept.length && length <= KEPT_BYTES) kept = new Uint8Array(Math.min(KEPT_BYTES, length * 1.5));
  const bytes = length <= kept.length ? kept.subarray(0, length) : new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const count = readSync(IMAGE_FD, bytes, at, length - at, null);
    if (count === 0) throw new Error('the worker closed the pipe');
    at += count;
  }
  return bytes;
}
