import { FacequeueError, isImageQueue } from '@facequeue/schema';
import type { Request, Response } from 'express';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

/** A probe gives up by itself soon; an answer later than this is none. */
const PING_MS = 2000;

export function healthRoutes(services: Services): Route[] {
  const ready = async (_: Request, response: Response) => {
    response.json({ status: 'ready', workers: await readyWorkers(services) });
  };
  return [
    {
      method: 'get',
      path: '/livez',
      open: true,
      probe: true,
      handle: (_, response) => void response.json({ status: 'ok' }),
    },
    { method: 'get', path: '/readyz', open: true, probe: true, handle: ready },
    { method: 'get', path: '/ping', open: true, probe: true, handle: ready },
  ];
}

/**
 * How many workers are there to take a job.
 * @throws unavailable, saying what is missing
 */
async function readyWorkers({ queue, shutdown }: Services): Promise<number> {
  if (shutdown.shuttingDown) throw new FacequeueError('unavailable', 'this gateway is shutting down');
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new FacequeueError('unavailable', 'Redis does not answer')), PING_MS);
  try {
    await Promise.race([queue.ping(), late]);
    const { workers } = await Promise.race([queue.snapshot(), late]);
    const looking = workers.filter(({ queues }) => queues.some(isImageQueue));
    if (looking.length > 0) return looking.length;
  } finally {
    clearTimeout(timer);
  }
  throw new FacequeueError('unavailable', 'Redis answers, but no worker that looks at images was seen within 15 s');
}
