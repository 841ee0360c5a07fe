import type { Readable } from 'node:stream';
import { tooLarge } from './errors.ts';

/** First buffer, bytes, when the sender does not announce the length. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/**
 * Reads a stream into one array of exactly its length. Destroys the stream when it is too long or fails.
 * @param declared length that the sender announced; not trusted, it only sizes the first buffer
 * @param onBytes called with the size of each chunk that arrives, bytes
 * @throws FacequeueError body_too_large as soon as the length is known to be over `maxBytes`; the stream's own error
 */
export async function collect(
  stream: Readable,
  {
    declared,
    maxBytes,
    onBytes,
  }: { declared: number | undefined; maxBytes: number; onBytes?: (count: number) => void },
): Promise<Uint8Array<ArrayBuffer>> {
  if (declared !== undefined && declared > maxBytes) {
    stream.on('error', () => {}).destroy();
    throw tooLarge(maxBytes);
  }
  // Untouched pages cost nothing: a sender that announces much and sends little takes little memory.
  let buffer = new ArrayBuffer(declared ?? Math.min(FIRST_BUFFER_BYTES, maxBytes));
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    onBytes?.(chunk.length);
    const needed = length + chunk.length;
    if (needed > maxBytes) throw tooLarge(maxBytes);
    if (needed > buffer.byteLength)
      buffer = buffer.transfer(Math.min(maxBytes, Math.max(needed, buffer.byteLength * 2)));
    new Uint8Array(buffer).set(chunk, length);
    length = needed;
  }
  // Exact, because the whole buffer of an array is sent to the engine process.
  return new Uint8Array(buffer.byteLength === length ? buffer : buffer.transfer(length));
}
