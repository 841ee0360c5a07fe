/**
 * Frees the memory of an array at once; the array is empty from then on. V8 would free it only in a full collection, and would run one
 * sooner because of it: the bytes of images lie outside the heap, but count as if they were in it.
 *
 * Nothing may use the array any more, in particular no write to a socket that is still in progress: it reads the memory even when the
 * array is empty. An array that is only a part of its buffer is left as it is, because others may have the rest.
 */
export function freeMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength && !buffer.detached) buffer.transfer(0);
}
