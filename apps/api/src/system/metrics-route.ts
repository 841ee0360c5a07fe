import { CONTENT_TYPE } from '@facequeue/metrics';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

/**
 * What Prometheus scrapes. It covers the work of all callers, so it needs a key where keys are configured. Like the probes it also
 * answers outside BASE_PATH.
 */
export function metricsRoutes({ metrics }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/metrics',
      scope: 'metrics',
      probe: true,
      async handle(_, response) {
        const text = await metrics.text();
        response.setHeader('Content-Type', CONTENT_TYPE);
        response.send(text);
      },
    },
  ];
}
