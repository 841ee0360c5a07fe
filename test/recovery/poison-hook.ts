/**
 * Loaded into engines by NODE_OPTIONS, in tests only: an image that carries the mark makes its engine abort, as a fault in native code
 * would.
 */
import { POISON } from './poison.ts';

process.prependListener('message', (message: { type?: string; image?: { bytes: Uint8Array } }) => {
  if (message.type !== 'detect') return;
  const { buffer, byteOffset, byteLength } = message.image!.bytes;
  if (Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).includes(POISON)) process.abort();
});
