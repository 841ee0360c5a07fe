import { get, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { sleep } from '@facequeue/time';

/** The members of `GET /system` that `serve` prints. */
interface System {
  workers?: { device?: string; engines?: number; models?: { name: string; version: string } }[];
}

/**
 * The text that `serve` prints when everything is ready.
 * @param url where the gateway listens
 * @param tookMs since the start
 * @param folder the private data folder
 */
export async function summary(url: string, tookMs: number, folder: string): Promise<string> {
  const system = await readSystem(url);
  const worker = system === 'locked' ? undefined : system?.workers?.[0];
  const key = system === 'locked' ? " -H 'X-Api-Key: …'" : '';
  const facts = [
    `${(tookMs / 1000).toFixed(1)} s`,
    worker?.device,
    worker?.engines && `${worker.engines} ${worker.engines === 1 ? 'engine' : 'engines'}`,
    worker?.models && `models ${worker.models.name} ${worker.models.version}`,
  ];
  // One write, so that no log line of a service comes between.
  return [
    '',
    `Facequeue is ready at ${url} (${facts.filter(Boolean).join(', ')})`,
    '',
    `  curl --data-binary @test/images/astronaut.png -H 'Content-Type: image/png'${key} ${url}/face_detection`,
    '',
    `The API as OpenAPI: ${url}/openapi.json. Settings, errors, guides: docs/. Data: ${folder}`,
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

/** The gateway's view of the workers may be 250 ms old, so a worker may appear only after some attempts. */
const ATTEMPTS = 4;
const BETWEEN_ATTEMPTS_MS = 100;

/** @returns `locked` when the gateway requires an API key, null when it does not answer in time */
async function readSystem(url: string): Promise<System | 'locked' | null> {
  try {
    for (let attempt = 1; ; attempt++) {
      const response = await answerOf(`${url}/system`, AbortSignal.timeout(2000));
      if (response.statusCode !== 200) {
        response.resume();
        return response.statusCode === 401 ? 'locked' : null;
      }
      const system = (await json(response)) as System;
      if (system.workers?.length || attempt === ATTEMPTS) return system;
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
  } catch {
    return null;
  }
}

/** Sends a GET. `fetch` would load a parser that stays in memory, 10 MB. */
function answerOf(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { signal }, resolve).on('error', reject));
}
