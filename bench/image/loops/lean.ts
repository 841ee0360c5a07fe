/**
 * The lean bound: of all that an image needs, only what nobody can leave out. It decodes the picture, shrinks it to the sizes of the passes,
 * cuts the crops of its faces, and repeats the runs of the models that the pipeline made of it, on arrays that exist already. Nothing
 * depends on the outputs: no candidates, no merging, no result.
 */
import { createPipeline, type Detection, loadPack } from '@facequeue/pipeline';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import * as ort from 'onnxruntime-node';
import { attributeCrop, type Crop, landmarkCrop } from '../../../packages/pipeline/src/faces/crop.ts';
import { leanKernels } from './lean-kernels.ts';
import { recorded, watchSessions } from './recorder.ts';
import { serveLoop } from './serve-loop.ts';

watchSessions();
const packPath = process.argv[2];
const pack = await loadPack(packPath);
const pipeline = await createPipeline({ device: 'cpu', ...(packPath !== undefined && { packPath }) });
const sessions = new Map<string, ort.InferenceSession>();
for (const model of Object.values(pack.manifest.models)) if (model) sessions.set(model.file, await open(model.file));

/** As the pipeline does. */
async function open(file: string): Promise<ort.InferenceSession> {
  const path = pack.path.replace(/[^/]*$/, file);
  return await ort.InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
}

/** Crops of the faces, as often as the models that see them run on a face. */
function cropsOf({ faces }: Detection): { crop: Crop; size: number }[] {
  const { crops } = pack.manifest;
  return faces.flatMap(({ box, points5 }) => [
    { crop: landmarkCrop(box, points5, crops.landmarks), size: crops.landmarks.size },
    { crop: attributeCrop(points5, crops.attributes), size: crops.attributes.size },
  ]);
}

/** The sizes to which the passes shrink the picture. @param scales px of a pass per px of the picture */
function levelsOf({ width, height }: Detection['image'], scales: readonly number[]) {
  return scales
    .filter((scale) => scale < 1)
    .map((scale) => ({ width: Math.round(width * scale), height: Math.round(height * scale) }));
}

serveLoop(async (bytes) => {
  const { searched } = await pipeline.detect(bytes, { ...DEFAULT_DETECTION_OPTIONS, detail: true });
  const { result, runs } = await recorded(() => pipeline.detect(bytes, DEFAULT_DETECTION_OPTIONS));
  const kernels = await leanKernels(bytes, levelsOf(result.image, searched!.scales), cropsOf(result));
  return {
    boxes: result.faces.map(({ box }) => box),
    async run() {
      await kernels.run();
      for (const { model, feeds, outputs } of runs) await sessions.get(model)!.run(feeds, outputs);
    },
  };
});
