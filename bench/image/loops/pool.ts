/** The worker's engines, fed without HTTP, Redis and queue. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Registry } from '@facequeue/metrics';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { decodeResult } from '@facequeue/schema/result-codec';
import { createLogger } from '@facequeue/service';
import { engineEnvironment } from '../../../apps/worker/src/config.ts';
import { engineLauncher } from '../../../apps/worker/src/engines/launcher.ts';
import { EnginePool } from '../../../apps/worker/src/engines/pool.ts';
import { serveLoop } from './serve-loop.ts';

/** Ids for images without a job. */
const IDS = { job_id: 'bench', request_id: 'bench' };
const TIME_LIMIT = { baseMs: 30_000, megapixelMs: 300, maxPixels: 50e6, faceMs: 150 };
const { signal } = new AbortController();

const packPath = process.argv[2];
const pool = await EnginePool.start(
  {
    module: fileURLToPath(new URL('../../../apps/worker/src/engines/main.ts', import.meta.url)),
    settings: { device: 'cpu', ...(packPath !== undefined && { packPath }) },
    env: engineEnvironment(),
    launcher: engineLauncher(),
  },
  { timeLimit: TIME_LIMIT, maxRssBytes: 4e9 },
  availableParallelism(),
  createLogger('bench', 'silent'),
  new Registry('worker'),
);
serveLoop(async (bytes) => {
  const run = async () => {
    using slot = await pool.acquire('interactive', '', signal);
    return await slot.run({ bytes: new Uint8Array(bytes), options: DEFAULT_DETECTION_OPTIONS }, signal, IDS);
  };
  const { result, image } = await run();
  const boxes = decodeResult(result).Faces.map(({ BoundingBox: { Left, Top, Width, Height } }) => ({
    x: Left * image.width,
    y: Top * image.height,
    width: Width * image.width,
    height: Height * image.height,
  }));
  return { boxes, run };
});
