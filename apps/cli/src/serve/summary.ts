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
export async function summary(url: string, tookMs: number, folder: string): Promise<string[]> {
  const worker = await firstWorker(url);
  const facts = [
    `${(tookMs / 1000).toFixed(1)} s`,
    worker?.device,
    worker?.engines && `${worker.engines} ${worker.engines === 1 ? 'engine' : 'engines'}`,
    worker?.models && `models ${worker.models.name} ${worker.models.version}`,
  ];
  return [
    '',
    `Facequeue is ready at ${url} (${facts.filter(Boolean).join(', ')})`,
    '',
    `  curl --data-binary @test/images/astronaut.png -H 'Content-Type: image/png' ${url}/face_detection`,
    '',
    `The API as OpenAPI: ${url}/openapi.json. Settings, errors, guides: docs/. Data: ${folder}`,
    'Ctrl-C stops it.',
    '',
  ];
}

/** Null when the gateway does not tell: it may ask for an API key. */
async function firstWorker(url: string) {
  try {
    const response = await fetch(`${url}/system`, { signal: AbortSignal.timeout(2000) });
    return response.ok ? (((await response.json()) as System).workers?.[0] ?? null) : null;
  } catch {
    return null;
  }
}
