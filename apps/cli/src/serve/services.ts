import type { ServeConfig } from '../config.ts';
import type { ReadyFacts, ServiceDefinition } from './service.ts';

const APPS = new URL('../../../', import.meta.url).pathname;

/** Programs of the gateway and the worker; another pair only in tests. */
export const PROGRAMS = { gateway: `${APPS}api/src/main.ts`, worker: `${APPS}worker/src/main.ts` };
export type Programs = typeof PROGRAMS;

/**
 * V8 sees the small heap of a gateway and the large buffers that pass through it, and collects all of it every 16 images.
 * With a larger first limit and a small nursery a call with 0.5 MB takes 1.7 CPU-ms of the gateway instead of 3.6. A limit of 128 MB saves nothing
 * more, and holds 23 MB more; one of 64 MB takes 1.9 to 2.3 CPU-ms. deploy/Dockerfile has the same.
 */
const GATEWAY_FLAGS = ['--max-semi-space-size=4', '--initial-old-space-size=96'];

/**
 * The worker passes image bytes on. A small nursery keeps it at 170 MB where the default takes 215 (it may grow to
 * 128 MB), and a larger first old space halves its CPU time: each image counts against that space although it lies outside it.
 * With 64 MB an image of 240 kB takes 1.75 CPU-ms of the worker, with 48 MB 2.15, but it holds 15 MB less, and holds it steadily: BullMQ's Sets and
 * Maps keep jobs until the next full collection (see apps/api/src/server/bag.ts). deploy/Dockerfile says the same.
 */
const WORKER_FLAGS = ['--max-semi-space-size=4', '--initial-old-space-size=48'];

/**
 * glibc gives threads arenas of their own, and room that was freed in one is of no use in another. With a single one the gateway held 219 MB
 * after 5000 small images where it held 228, the worker 146 where it held 160 (`npm run soak`). deploy/Dockerfile says the same.
 */
const MEMORY_SETTINGS = { MALLOC_ARENA_MAX: '1' };

/** Beyond the grace the services give themselves, for closing connections and files. */
const MARGIN_MS = 10_000;

/**
 * The gateway and the worker on one Redis.
 * @param gatewayFacts what the gateway said when it was ready, if it has been: started again, it takes the same port
 */
export function gatewayAndWorker(
  config: ServeConfig,
  redisUrl: string,
  programs: Programs,
  gatewayFacts: () => ReadyFacts | undefined,
): [worker: ServiceDefinition, gateway: ServiceDefinition] {
  const environment: NodeJS.ProcessEnv = { ...MEMORY_SETTINGS, ...config.environment, REDIS_URL: redisUrl };
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
