/** The engine process that workers start, with the real models. */
import { readFileSync } from 'node:fs';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { decodeResult } from '@facequeue/schema/result-codec';
import { createLogger } from '@facequeue/service';
import { expect, it } from 'vitest';
import { engineEnvironment } from '../config.ts';
import { Engine } from './engine.ts';
import { engineLauncher } from './launcher.ts';

const PORTRAIT = new Uint8Array(readFileSync(new URL('../../../../test/images/portrait-1.jpg', import.meta.url)));
const IDS = { job_id: 'job', request_id: 'request' };
const LIMIT = { baseMs: 60_000, faceMs: 0 };

it('reports its device and models, finds a face in an image, and refuses what is none', async () => {
  const { signal } = new AbortController();
  const program = {
    module: new URL('main.ts', import.meta.url).pathname,
    settings: { device: 'cpu' },
    env: engineEnvironment(),
    launcher: engineLauncher(),
  };
  const engine = await Engine.start(program, signal, createLogger('worker', 'silent'));
  try {
    expect(engine.facts).toMatchObject({
      device: 'cpu',
      models: { version: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
    });
    const detect = (bytes: Uint8Array) =>
      engine.detect({ bytes, options: DEFAULT_DETECTION_OPTIONS }, LIMIT, signal, IDS);
    const { result, image, timings } = await detect(PORTRAIT);
    expect(decodeResult(result).Faces).toHaveLength(1);
    expect(image).toMatchObject({ format: 'jpeg', bytes: PORTRAIT.length });
    expect(timings).toMatchObject({ decode: expect.any(Number), detect: expect.any(Number) });
    await expect(detect(new Uint8Array(100))).rejects.toMatchObject({ name: 'FacequeueError' });
  } finally {
    engine.kill();
    await engine.ended;
  }
});
