/** Loaded into engines by NODE_OPTIONS, in tests only: they print the end of each image's file, like a native library that prints warnings. */
import { writeSync } from 'node:fs';

process.prependListener('message', (message: unknown) => {
  const { type, image } = message as { type?: string; image?: { bytes: Uint8Array } };
  if (type === 'detect') writeSync(2, `this image ends with ${Buffer.from(image!.bytes.subarray(-8))}\n`);
});
