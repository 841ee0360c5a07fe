/**
 * Gives back the memory of arrays that nobody needs any more. V8 does so only when it collects all garbage; decoded pictures and outputs of
 * models, which lie outside its heap, would make it do that for every other picture.
 */
export function release(...arrays: readonly (Uint8Array | Float32Array)[]): void {
  // A part of a buffer may share it with others.
  for (const { buffer, byteLength } of arrays)
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
