/**
 * Loaded into engines by NODE_OPTIONS, in tests only: an image that carries the mark makes its engine abort, as a fault in native code
 * would.
 */
import { POISON } from './poison.ts';

process.prependListener('message', (message: unknown) => {
  const { type, image } = message as { type?: string; image?: { bytes: Uint8Array } };
  if (type === 'detect' && Buffer.from(image!.bytes).includes(POISON)) process.abort();
});
