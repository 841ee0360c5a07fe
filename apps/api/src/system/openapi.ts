import { openApiDocument } from '@facequeue/schema/openapi';
import { lazy } from '@facequeue/time';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

/** The OpenAPI document, indented for people, made at the first request. */
export function openApiRoutes({ config, version }: Services): Route[] {
  const document = lazy(async () =>
    Buffer.from(JSON.stringify(openApiDocument({ version, basePath: config.BASE_PATH }), null, 2)),
  );
  return [
    {
      method: 'get',
      path: '/openapi.json',
      scope: null,
      handle: async (_, response) => void response.type('application/json').send(await document()),
    },
  ];
}
