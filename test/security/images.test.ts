/** Hostile images through a whole service. */
import { readFileSync } from 'node:fs';
import { ERROR_CATALOGUE, type ErrorCode } from '@facequeue/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { residentBytes } from '../support/processes/process-table.ts';
import { type Service, startService } from '../support/processes/service.ts';
import { type HostileImage, hostileImages } from './corpus/images/index.ts';

/** `npm run test:attack` makes more of them. */
const COUNT = Number(process.env['TEST_ATTACK_IMAGES'] ?? 200);
const SEED = Number(process.env['TEST_ATTACK_SEED'] ?? 1);
/** At a time: one for each engine, and one that waits. */
const CALLERS = 3;
const ASTRONAUT = readFileSync(new URL('../images/astronaut.png', import.meta.url));
/** Of an engine, MB: its models, and the largest picture that is accepted with all that is computed of it. */
const MOST_ENGINE_MB = 2000;

let service: Service;
beforeAll(async () => {
  // No time-out, however slow the machine; and no engine is replaced because it has grown.
  service = await startService({ ENGINES: '2', SYNC_WAIT: '60s', ENGINE_TIMEOUT: '60s', ENGINE_MAX_RSS: '1tb' });
});
afterAll(() => service?.stop());

const post = (body: Buffer) =>
  fetch(`${service.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(body),
  });

/** What is wrong with the answer; null when it is the faces, or an error of the catalogue that blames the image. */
async function problemOf({ bytes }: HostileImage): Promise<string | null> {
  const response = await post(bytes);
  const text = await response.text();
  const code = (JSON.parse(text) as { code?: ErrorCode }).code;
  if (response.status === 200 && code === undefined) return null;
  const documented = code !== undefined && ERROR_CATALOGUE[code]?.status === response.status;
  return documented && response.status >= 400 && response.status < 500 ? null : `${response.status} ${text}`;
}

it(
  `${COUNT} images are faces or an error that blames the image, while the engines live on in bounded memory`,
  async () => {
    const engines = service.engines().map(({ pid }) => pid);
    expect(engines).toHaveLength(2);
    const images = hostileImages(COUNT, SEED);
    const wrong: string[] = [];
    let most = 0;
    let tried = 0;
    const caller = async () => {
      for await (const image of images) {
        const problem = await problemOf(image);
        if (problem) wrong.push(`${image.name}: ${problem}`);
        most = Math.max(most, ...service.engines().map(({ pid }) => residentBytes(pid)));
        tried++;
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    expect(wrong).toEqual([]);
    expect(tried).toBe(COUNT);
    expect(service.engines().map(({ pid }) => pid)).toEqual(engines);
    expect(most / 1e6).toBeLessThan(MOST_ENGINE_MB);
    const answer = await post(ASTRONAUT);
    expect(((await answer.json()) as { Faces: unknown[] }).Faces).toHaveLength(1);
  },
  60_000 + COUNT * 2000,
);
