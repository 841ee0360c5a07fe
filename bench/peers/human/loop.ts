/**
 * `@vladmandic/human` in a bare loop: WebAssembly with SIMD, one thread a process, only its face detector, mesh and description (age and
 * gender); nothing is skipped or cached between images. sharp decodes, because the package has no decoder for Node of its own.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { serveLoop } from '../../image/loops/serve-loop.ts';
import type { Box } from '../../image/same-faces.ts';

/** What is used of the package. */
interface Tensor {
  dispose(): void;
}
interface Human {
  tf: { tensor(data: Uint8Array, shape: number[], type: 'int32'): Tensor };
  load(): Promise<void>;
  init(): Promise<void>;
  detect(image: Tensor): Promise<{ face: { mesh: [x: number, y: number, z: number][] }[] }>;
}

/** The folder where the package has been installed. */
const folder = process.argv[2]!;
/** As many faces as are in the fullest picture of the bench. */
const MOST_FACES = 100;

// By paths: the package's exports do not name the build for WebAssembly on Node.
const load = createRequire(join(folder, 'package.json'));
const resolved = (name: string) => join(folder, 'node_modules', name);
load('@tensorflow/tfjs-backend-wasm');
const { Human } = load(resolved('@vladmandic/human/dist/human.node-wasm.js')) as {
  Human: new (config: object) => Human;
};

// The package fetches its models, and Node's fetch reads no files.
const { fetch } = globalThis;
globalThis.fetch = async (input, init) => {
  const url = String(input instanceof Request ? input.url : input);
  return url.startsWith('file:') ? new Response(await readFile(new URL(url))) : await fetch(input, init);
};
const human = new Human({
  backend: 'wasm',
  wasmPath: `${resolved('@tensorflow/tfjs-backend-wasm/dist')}/`,
  modelBasePath: pathToFileURL(`${resolved('@vladmandic/human/models')}/`).href,
  debug: false,
  async: false,
  warmup: 'none',
  cacheSensitivity: 0,
  filter: { enabled: false },
  gesture: { enabled: false },
  face: {
    enabled: true,
    detector: { maxDetected: MOST_FACES, rotation: true, minConfidence: 0.2, skipFrames: 0, skipTime: 0 },
    mesh: { enabled: true },
    description: { enabled: true, skipFrames: 0, skipTime: 0 },
    attention: { enabled: false },
    iris: { enabled: false },
    emotion: { enabled: false },
    antispoof: { enabled: false },
    liveness: { enabled: false },
  },
  body: { enabled: false },
  hand: { enabled: false },
  object: { enabled: false },
  segmentation: { enabled: false },
});
await human.init();
await human.load();

serveLoop(async (bytes) => {
  const run = async () => {
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const tensor = human.tf.tensor(data, [1, info.height, info.width, 3], 'int32');
    try {
      return await human.detect(tensor);
    } finally {
      tensor.dispose();
    }
  };
  const { face } = await run();
  // Its own boxes are those of the crops, half as large again as the face.
  return { boxes: face.map(({ mesh }) => extentOf(mesh)), run };
});

function extentOf(points: readonly (readonly [number, number, number])[]): Box {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}
