/** Two gateways and two workers, with helpers for the tests of jobs. */
import { readFileSync } from 'node:fs';
import type { JobResource } from '@facequeue/schema';
import { expect } from 'vitest';
import type { WorkerProcess } from '../../../apps/worker/src/testing/worker-process.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../../support/processes/installation.ts';

export const PORTRAIT = new Uint8Array(readFileSync(new URL('../../images/portrait-1.jpg', import.meta.url)));
export const CAT = new Uint8Array(readFileSync(new URL('../../images/no-face-cat.png', import.meta.url)));

/** Active jobs per queue of both workers together: two for each of their two engines. */
export const ACTIVE_JOBS = 4;

export interface Pair extends Installation {
  /** Where jobs are submitted. */
  readonly here: GatewayProcess;
  /** Where they are waited for, followed, canceled and read. */
  readonly there: GatewayProcess;
  readonly workers: readonly [WorkerProcess, WorkerProcess];
}

/** Engines may be frozen, and image servers silent, for as long as a test takes. */
const PATIENT = { ENGINE_TIMEOUT: '60s', SOURCE_MIN_SPEED: '0' };

/** As `startInstallation`, with two gateways and two patient workers of one engine each. */
export async function startPair(...given: Parameters<typeof startInstallation>): Promise<Pair> {
  const installation = await startInstallation(...given);
  try {
    const [here, there, ...workers] = await Promise.all([
      installation.gateway(),
      installation.gateway(),
      installation.worker(PATIENT),
      installation.worker(PATIENT),
    ]);
    return { ...installation, here, there, workers };
  } catch (error) {
    await installation[Symbol.asyncDispose]();
    throw error;
  }
}

/** An image: bytes, or `{url}`. */
type Image = Uint8Array | { url: string };

/** POST /face_detection. @param query with its question mark */
export function post(
  { url }: GatewayProcess,
  image: Image,
  headers: Record<string, string> = {},
  { query = '', signal }: { query?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  const inline = image instanceof Uint8Array;
  return fetch(`${url}/face_detection${query}`, {
    method: 'POST',
    headers: { 'content-type': inline ? 'application/octet-stream' : 'application/json', ...headers },
    body: inline ? Buffer.from(image) : JSON.stringify(image),
    ...(signal && { signal }),
  });
}

/** Submits without waiting. */
export async function submit(
  gateway: GatewayProcess,
  image: Image,
  headers: Record<string, string> = {},
  query = '',
): Promise<JobResource> {
  const response = await post(gateway, image, { prefer: 'respond-async', ...headers }, { query });
  return body<JobResource>(response, 202);
}

/** The JSON of an answer, which must have `status`. */
export async function body<T>(response: Response, status: number): Promise<T> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return JSON.parse(text) as T;
}

/** The id of the one job that `work` creates, for calls without an answer yet. Nothing else may be submitted meanwhile. */
export async function madeBy({ jobs }: Pair, work: () => unknown): Promise<string> {
  const before = new Set(await jobs());
  work();
  const fresh = async () => (await jobs()).filter((id) => !before.has(id));
  await expect.poll(fresh, { timeout: 10_000 }).toHaveLength(1);
  return (await fresh())[0]!;
}

/** GET of a path, such as that of a `Location` header. */
export async function get<T = JobResource>({ url }: GatewayProcess, path: string): Promise<T> {
  return body<T>(await fetch(url + path), 200);
}

/** Resolves when the job has a status. */
export function reaches({ client }: GatewayProcess, id: string, status: JobResource['status']): Promise<void> {
  return expect
    .poll(async () => (await client.job(id)).status, { timeout: 30_000, interval: 10, message: `status of ${id}` })
    .toBe(status);
}

/**
 * Occupies both workers with images inside frozen engines, and with those that wait for them: jobs submitted afterwards stay queued.
 * @returns a function that lets them go on
 */
export async function occupy(pair: Pair): Promise<() => Promise<void>> {
  const { here } = pair;
  const { thaw } = freeze(pair);
  const jobs = await Promise.all(Array.from({ length: ACTIVE_JOBS }, () => submit(here, CAT)));
  const attempts = () => Promise.all(jobs.map(async ({ id }) => (await here.client.job(id)).attempts));
  await expect.poll(attempts, { timeout: 30_000 }).toEqual(jobs.map(() => 1));
  return async () => {
    thaw();
    await Promise.all(jobs.map(({ id }) => here.client.wait(id)));
  };
}

/** Frozen engines, until `thaw` or disposal. */
export interface Frozen extends Disposable {
  /** Resumes the engines that still exist. */
  thaw(): void;
}

/** Freezes the engines of all workers, with the images they are processing. */
export function freeze({ workers }: Pair): Frozen {
  const alive = () => workers.flatMap((worker) => worker.engines());
  const engines = alive();
  for (const pid of engines) process.kill(pid, 'SIGSTOP');
  const thaw = () => {
    const there = alive();
    for (const pid of engines.filter((each) => there.includes(each))) process.kill(pid, 'SIGCONT');
  };
  return { thaw, [Symbol.dispose]: thaw };
}
