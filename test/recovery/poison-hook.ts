/**
 * Loaded into engines by NODE_OPTIONS, in tests only: an image with the mark makes its engine abort, like a fault in
 * native code.
 */
import { onImage } from '../support/processes/engine-images.ts';
import { POISON } from './poison.ts';

onImage((bytes) => {
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(POISON)) process.abort();
});
