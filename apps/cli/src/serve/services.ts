import type { ServeConfig } from '../config.ts';
import { withCodeCache } from './code-cache.ts';
import type { ReadyFacts, ServiceDefinition } from './service.ts';

const APPS = new URL('../../../', import.meta.url).pathname;

/** Programs of the gateway and the worker; others only in tests. */
export const PROGRAMS = { gateway: `${APPS}api/src/main.ts`, worker: `${APPS}worker/src/main.ts` };
export type Programs = typeof PROGRAMS;

/**
 * The gateway has a small heap, and the bodies that it receives count against the first limit of its old space although they lie outside of it.
 * With 64 MB, 64 callers with 352 kB each cause no full collection in 700 images, and the gateway takes 160 to 180 MB; with 48 MB, one in 140
 * images, and it takes 10 MB less; with V8's defaults, one in 16. Keep deploy/Dockerfile in step.
 */
const GATEWAY_FLAGS = ['--max-semi-space-size=4', '--initial-old-space-size=64'];

/**
 * The worker passes image bytes on. They count as in the gateway until an engine has read them: with 64 MB there is a full collection every 700
 * images, at 145 MB resident. A small young generation keeps it there; with the default, which may grow to 128 MB, it takes 45 MB more. Some
 * full collections are needed: until the next one, BullMQ's Sets and Maps keep jobs (see apps/api/src/http/unordered-set.ts). Keep
 * deploy/Dockerfile in step.
 */
const WORKER_FLAGS = ['--max-semi-space-size=4', '--initial-old-space-size=64'];

/**
 * glibc gives each thread its own arena, and memory freed in one cannot be used in another. With a single arena the gateway used
 * 219 MB after 5000 small images instead of 228, the worker 146 instead of 160 (`npm run soak`). By default glibc also raises the size
 * from which a block is mapped and unmapped on its own, up to 32 MB: images then lie in the arena and leave gaps. With the size fixed, the
 * gateway takes 20 MB less under 64 callers, at the same CPU time. Keep deploy/Dockerfile in step.
 */
const MEMORY_SETTINGS = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };

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
