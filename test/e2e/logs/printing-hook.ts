/** Loaded into engines by NODE_OPTIONS, in tests only: they print the end of each image's file, like a native library that prints warnings. */
import { writeSync } from 'node:fs';
import { onImage } from '../../support/processes/engine-images.ts';

onImage((bytes) => writeSync(2, `this image ends with ${Buffer.from(bytes.subarray(-8))}\n`));
