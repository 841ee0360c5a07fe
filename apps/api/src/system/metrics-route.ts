import { CONTENT_TYPE } from '@facequeue/metrics';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

/** What Prometheus scrapes. It tells of all callers' work, so it needs a key where there are keys; and is found where probes are. */
export function metricsRoutes({ metrics }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/metrics',
      probe: true,
      async handle(_, response) {
        const text = await metrics.text();
        response.setHeader('Content-Type', CONTENT_TYPE);
        response.send(text);
      },
    },
  ];
}
