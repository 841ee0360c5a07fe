/**
 * Loaded into engines by NODE_OPTIONS, in tests only: an image with the mark makes its engine abort, like a fault in
 * native code.
 */
import { POISON } from './poison.ts';

process.prependListener('message', (message: unknown) => {
  const { type, image } = message as { type?: string; image?: { bytes: Uint8Array } };
  if (type === 'detect' && Buffer.from(image!.bytes).includes(POISON)) process.abort();
});
