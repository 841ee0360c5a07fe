import { FacequeueError } from '@facequeue/schema';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { needsLocalCallers, refuseForeign } from './auth/exposure.ts';
import { accessLog } from './http/access-log.ts';
import { contextOf, newContext } from './http/context.ts';
import { answerError } from './http/errors.ts';
import { allRoutes, mount } from './router.ts';
import type { Services } from './services.ts';

/** What pages of other origins may read beyond the few headers every page may. */
const EXPOSED_HEADERS = 'Location, Preference-Applied, Retry-After, Server-Timing, X-Job-Id, X-Request-Id';

/**
 * The API as an Express application.
 * @throws ConfigError when it would be open to the network unasked
 */
export function createApp(services: Services): Express {
  const { config, log, shutdown, metrics } = services;
  const compat = config.COMPAT === 'aws';
  const localOnly = needsLocalCallers(config);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Query strings are read by the routes that have options.
  app.set('query parser', false);

  app.use((request: Request, response: Response, next: NextFunction) => {
    response.locals = newContext(request);
    response.setHeader('X-Request-Id', contextOf(response).requestId);
    // Faces are personal data, and states change.
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (compat) {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
    }
    shutdown.track(response);
    next();
  });
  app.use(accessLog(log, metrics));
  app.use((request: Request, _: Response, next: NextFunction) => {
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      throw new FacequeueError('invalid_request', 'HTTP/1.1 requests carry a Host header');
    }
    if (localOnly) refuseForeign(request);
    next();
  });

  const routes = allRoutes(services);
  app.use(config.BASE_PATH || '/', mount(routes, services));
  if (config.BASE_PATH)
    app.use(
      mount(
        routes.filter((route) => route.probe),
        services,
      ),
    );
  app.use(() => {
    throw new FacequeueError('not_found', 'there is nothing at this path');
  });
  app.use((thrown: unknown, request: Request, response: Response, _: NextFunction) => {
    // Express says so of a path parameter that cannot be decoded.
    const error =
      thrown instanceof URIError ? new FacequeueError('not_found', 'there is nothing at this path') : thrown;
    answerError(request, response, error, { compat, log, metrics });
  });
  return app;
}
