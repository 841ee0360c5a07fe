/** Makes docs/detected.jpg, the README's picture: `node docs/detected.ts`. */
import { writeFile } from 'node:fs/promises';
import { drawFaces } from '@facequeue/drawing';
import { createPipeline, decodeImage } from '@facequeue/pipeline';
import { DetectionOptions } from '@facequeue/schema';
import { scene } from '../test/support/fixtures/scene.ts';

const { bytes } = await scene({ faces: 3, width: 1320, height: 560 });
await using pipeline = await createPipeline({ device: 'cpu' });
const { faces } = await pipeline.detect(bytes, DetectionOptions.parse({}));
const drawing = await drawFaces(await decodeImage(bytes), faces, { format: 'jpeg' });
await writeFile(new URL('detected.jpg', import.meta.url), drawing);
