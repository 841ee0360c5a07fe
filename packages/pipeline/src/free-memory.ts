/**
 * Frees the memory of arrays at once; they are empty from then on. V8 would free it only in a full collection, and decoded pictures and outputs
 * of models, which lie outside its heap, would bring one on for every other picture. An array that is only a part of its buffer is left as it is,
 * because others may have the rest.
 */
export function freeMemory(...arrays: readonly (Uint8Array | Float32Array)[]): void {
  for (const { buffer, byteLength } of arrays)
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
