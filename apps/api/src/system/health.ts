import { FacequeueError, isImageQueue } from '@facequeue/schema';
import { withTimeout } from '@facequeue/time';
import type { Request, Response } from 'express';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

/** Time that Redis has to answer, ms: probes do not wait much longer. */
const REDIS_TIMEOUT_MS = 2000;

/** Liveness and readiness. Their requests are logged at `debug`: probes are many and say little. */
export function healthRoutes(services: Services): Route[] {
  const ready = async (_: Request, response: Response) => {
    response.json({ status: 'ready', workers: await readyWorkers(services) });
  };
  const probe = { method: 'get', scope: null, probe: true, logLevel: 'debug' } as const;
  return [
    { ...probe, path: '/livez', handle: (_, response) => void response.json({ status: 'ok' }) },
    { ...probe, path: '/readyz', handle: ready },
    { ...probe, path: '/ping', handle: ready },
  ];
}

/**
 * How many workers there are to process images.
 * @throws unavailable, saying what is missing
 */
async function readyWorkers({ queue, shutdown }: Services): Promise<number> {
  if (shutdown.begun) throw new FacequeueError('unavailable', 'this gateway is shutting down');
  const figures = queue.ping().then(() => queue.snapshot());
  const { workers } = await withTimeout(
    figures,
    REDIS_TIMEOUT_MS,
    () => new FacequeueError('unavailable', 'Redis does not answer'),
  );
  const imageWorkers = workers.filter(({ queues }) => queues.some(isImageQueue));
  if (imageWorkers.length > 0) return imageWorkers.length;
  throw new FacequeueError('unavailable', 'Redis answers, but no worker that processes images was seen within 15 s');
}
