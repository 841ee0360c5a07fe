import { setTimeout as delay } from 'node:timers/promises';

/** What the gateway's `GET /system` tells that a person wants to know at the start. */
interface System {
  workers?: { device?: string; engines?: number; models?: { name: string; version: string } }[];
}

/**
 * What `serve` shows when everything is ready.
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
  // Written in one go: the log of the services comes between lines otherwise.
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

/** What the gateway knows of the workers may be a quarter of a second old: so many looks, so far apart. */
const LOOKS = 4;
const BETWEEN_LOOKS_MS = 100;

/** `locked` when the gateway asks for an API key, null when it does not answer in time. */
async function readSystem(url: string): Promise<System | 'locked' | null> {
  try {
    for (let look = 1; ; look++) {
      const response = await fetch(`${url}/system`, { signal: AbortSignal.timeout(2000) });
      if (response.status === 401) return 'locked';
      if (!response.ok) return null;
      const system = (await response.json()) as System;
      if (system.workers?.length || look === LOOKS) return system;
      await delay(BETWEEN_LOOKS_MS);
    }
  } catch {
    return null;
  }
}
