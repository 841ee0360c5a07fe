import { FacequeueError } from '@facequeue/schema';
import { Router } from 'express';
import { takeQuota } from './admission/take-quota.ts';
import { requireScope } from './auth/caller.ts';
import { batchRoutes } from './batches/routes.ts';
import { allowPreflight } from './browsers/cors.ts';
import { cameraRoutes } from './cameras/routes.ts';
import { detectionRoutes } from './detection/detect.ts';
import { hasBody } from './http/content-length.ts';
import { contextOf } from './http/context.ts';
import type { Route } from './http/route.ts';
import { jobRoutes } from './jobs/routes.ts';
import type { Services } from './services.ts';
import { adminKeysRoutes } from './system/admin-keys.ts';
import { healthRoutes } from './system/health.ts';
import { metricsRoutes } from './system/metrics-route.ts';
import { openApiRoutes } from './system/openapi.ts';
import { systemRoutes } from './system/system-page.ts';

/** Every route of the API. */
export function allRoutes(services: Services): Route[] {
  return [
    ...detectionRoutes(services),
    ...jobRoutes(services),
    ...batchRoutes(services),
    ...cameraRoutes(services),
    ...healthRoutes(services),
    ...systemRoutes(services),
    ...adminKeysRoutes(services),
    ...openApiRoutes(services),
    ...metricsRoutes(services),
  ];
}

/** A router with the given routes. Other methods of their paths answer 405; OPTIONS lists the methods. */
export function routerOf(routes: Route[], { config, authenticator, queue }: Services): Router {
  const router = Router({ caseSensitive: true });
  for (const route of routes) {
    router[route.method](expressPath(route.path), async (request, response) => {
      const context = contextOf(response);
      context.route = route.path;
      context.logLevel = route.logLevel ?? 'info';
      if (route.scope !== null) {
        context.caller = authenticator.authenticate(request, response);
        requireScope(context.caller, route.scope);
        await takeQuota(queue.quotas, context.caller, response);
      }
      if (!route.body && hasBody(request)) {
        throw new FacequeueError('invalid_request', `${request.method} takes no body`);
      }
      await route.handle(request, response);
    });
  }
  for (const [path, own] of Map.groupBy(routes, (route) => route.path)) {
    const methods = own.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    const allow = [...methods, 'OPTIONS'].join(', ');
    router.all(expressPath(path), (request, response) => {
      contextOf(response).route = path;
      response.setHeader('Allow', allow);
      if (request.method !== 'OPTIONS') {
        throw new FacequeueError('method_not_allowed', `${path} has ${allow}`);
      }
      allowPreflight(response, allow, config.COMPAT === 'aws');
      response.status(204).end();
    });
  }
  return router;
}

/** `/jobs/{id}` as Express writes it: `/jobs/:id`. */
const expressPath = (path: string) => path.replaceAll(/\{(\w+)\}/g, ':$1');
