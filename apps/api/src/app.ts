import { FacequeueError } from '@facequeue/schema';
import { SECURITY_HEADERS } from '@facequeue/service/security-headers';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { CorsOrigins } from './browsers/cors.ts';
import { foreignRules, refuseForeign } from './browsers/refuse-foreign.ts';
import { accessLog } from './http/access-log.ts';
import { contextOf, newContext } from './http/context.ts';
import { answerError } from './http/errors.ts';
import { allRoutes, routerOf } from './router.ts';
import type { Services } from './services.ts';

/** The status of `quota_exceeded`. */
const TOO_MANY_REQUESTS = 429;

/**
 * The API as an Express application.
 * @throws ConfigError when it would be open to the network without ALLOW_OPEN
 */
export function createApp(services: Services): Express {
  const { config, queue, log, shutdown, metrics } = services;
  const compat = config.COMPAT === 'aws';
  const cors = new CorsOrigins(compat && config.CORS_ORIGINS.length === 0 ? ['*'] : config.CORS_ORIGINS);
  const rules = foreignRules(config, cors);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Each route parses its own query string (see http/route.ts).
  app.set('query parser', false);
  // So many entries of X-Forwarded-For, from its end, are believed (see auth/flow.ts).
  app.set('trust proxy', config.TRUST_PROXY);

  app.use((request: Request, response: Response, next: NextFunction) => {
    response.locals = newContext(request);
    response.setHeader('X-Request-Id', contextOf(response).requestId);
    for (const name in SECURITY_HEADERS) response.setHeader(name, SECURITY_HEADERS[name]!);
    cors.setHeaders(request, response);
    shutdown.track(response);
    next();
  });
  app.use(accessLog(log, metrics, (owner, status) => queue.keyUses.count(owner, status === TOO_MANY_REQUESTS)));
  app.use((request: Request, _: Response, next: NextFunction) => {
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      throw new FacequeueError('invalid_request', 'an HTTP/1.1 request needs a Host header');
    }
    refuseForeign(request, rules);
    next();
  });

  const routes = allRoutes(services);
  app.use(config.BASE_PATH || '/', routerOf(routes, services));
  if (config.BASE_PATH) {
    const probes = routes.filter((route) => route.probe);
    app.use(routerOf(probes, services));
  }
  app.use(() => {
    throw nothingHere();
  });
  app.use((thrown: unknown, request: Request, response: Response, _: NextFunction) => {
    // Express throws a URIError for a path parameter that cannot be decoded.
    const error = thrown instanceof URIError ? nothingHere() : thrown;
    answerError(request, response, error, { compat, log, metrics });
  });
  return app;
}

const nothingHere = () => new FacequeueError('not_found', 'there is nothing at this path');
