import type { Readable } from 'node:stream';
import { tooLarge } from './errors.ts';

/** Room to begin with when the sender does not say how long the body is. */
const FIRST_ROOM = 64 * 1024;

/**
 * Reads a stream into one array of exactly its length. The stream is destroyed when it does not fit or breaks.
 * @param declared length the sender announced; not trusted, only a first measure of room
 * @throws FacequeueError body_too_large as soon as it is known; the stream's own error otherwise
 */
export async function collect(
  stream: Readable,
  { declared, maxBytes }: { declared: number | undefined; maxBytes: number },
): Promise<Uint8Array<ArrayBuffer>> {
  if (declared !== undefined && declared > maxBytes) {
    stream.on('error', () => {}).destroy();
    throw tooLarge(maxBytes);
  }
  // Untouched pages cost nothing: a sender that announces much and sends little holds little.
  let room = new ArrayBuffer(declared ?? Math.min(FIRST_ROOM, maxBytes));
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const needed = length + chunk.length;
    if (needed > maxBytes) throw tooLarge(maxBytes);
    if (needed > room.byteLength) room = room.transfer(Math.min(maxBytes, Math.max(needed, room.byteLength * 2)));
    new Uint8Array(room).set(chunk, length);
    length = needed;
  }
  // Exact, because the whole buffer behind an array is what crosses to an engine process.
  return new Uint8Array(room.byteLength === length ? room : room.transfer(length));
}
