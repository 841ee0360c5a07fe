/**
 * Frees the memory of an array at once; the array is empty from then on. Without that it stays until a full collection, and it is what
 * brings the next one on: the bytes of images lie outside the heap, but count as if they were in it.
 *
 * Nothing may use the array any more, in particular no write to a socket that is not done: it reads the memory whatever becomes of
 * the array. An array that is only a part of its buffer is left as it is, because others have the rest.
 */
export function freeMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength && !buffer.detached) buffer.transfer(0);
}
