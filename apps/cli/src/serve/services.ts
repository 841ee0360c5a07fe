import type { ServeConfig } from '../config.ts';
import type { ReadyFacts, ServiceDefinition } from './service.ts';
import { withCodeCache } from './small-process.ts';

const APPS = new URL('../../../', import.meta.url).pathname;

/** Programs of the gateway and the worker; others only in tests. */
export const PROGRAMS = { gateway: `${APPS}api/src/main.ts`, worker: `${APPS}worker/src/main.ts` };
export type Programs = typeof PROGRAMS;

/**
 * The gateway has a small heap and passes large buffers, so with its defaults V8 runs a full collection every 16 images. With a
 * higher first limit and a small young generation, a call with 0.5 MB takes 1.7 CPU-ms instead of 3.6. A limit of 64 MB takes
 * 1.9 to 2.3 CPU-ms; one of 128 MB saves no more and uses 23 MB more memory. Keep deploy/Dockerfile in step.
 */
const GATEWAY_FLAGS = ['--max-semi-space-size=4', '--initial-old-space-size=96'];

/**
 * The worker passes image bytes on. A small young generation keeps it at 170 MB; with the default, which may grow to 128 MB, it
 * takes 215. A larger first old space halves its CPU time, because each image counts against that space although it is outside
 * of it. With 64 MB an image of 240 kB takes 1.75 CPU-ms, with 48 MB 2.15; but 48 MB uses 15 MB less memory, and steadily: BullMQ's
 * Sets and Maps keep jobs until the next full collection (see apps/api/src/http/unordered-set.ts). Keep deploy/Dockerfile in step.
 */
const WORKER_FLAGS = ['--max-semi-space-size=4', '--initial-old-space-size=48'];

/**
 * glibc gives each thread its own arena, and memory freed in one cannot be used in another. With a single arena the gateway used
 * 219 MB after 5000 small images instead of 228, the worker 146 instead of 160 (`npm run soak`). Keep deploy/Dockerfile in step.
 */
const MEMORY_SETTINGS = { MALLOC_ARENA_MAX: '1' };

/** Added to the services' own grace period, for closing connections and files, ms. */
const MARGIN_MS = 10_000;

/**
 * Defines the gateway and the worker on one Redis.
 * @param gatewayFacts what the gateway reported, once it has: a restarted gateway takes the same port
 */
export function gatewayAndWorker(
  config: ServeConfig,
  redisUrl: string,
  programs: Programs,
  gatewayFacts: () => ReadyFacts | undefined,
): [worker: ServiceDefinition, gateway: ServiceDefinition] {
  const environment: NodeJS.ProcessEnv = {
    ...MEMORY_SETTINGS,
    ...withCodeCache(config.environment),
    // What is in a file stays there: engines may be able to read the environment of their worker.
    ...(!config.environment['REDIS_URL_FILE'] && { REDIS_URL: redisUrl }),
  };
  const graceMs = config.SHUTDOWN_GRACE + MARGIN_MS;
  const gatewayEnv = () => {
    const url = gatewayFacts()?.url;
    return url ? { ...environment, PORT: new URL(url).port || environment['PORT'] } : environment;
  };
  const program = (name: string, args: string[], env: () => NodeJS.ProcessEnv): ServiceDefinition => ({
    name,
    command: process.execPath,
    args,
    env,
    graceMs,
  });
  return [
    program('worker', [...WORKER_FLAGS, programs.worker], () => environment),
    program('gateway', [...GATEWAY_FLAGS, programs.gateway], gatewayEnv),
  ];
}
