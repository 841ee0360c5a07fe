/** The OpenAPI 3.1 document of the gateway, made from the schemas with which the gateway checks requests. */
import { createDocument } from 'zod-openapi';
import { FrameEvent } from '../camera/resource.ts';
import { batchEnded, batchPaths } from './batches.ts';
import { cameraPaths } from './cameras.ts';
import { detectionPaths, invocationsPath } from './detection.ts';
import { jobEnded, jobPaths } from './jobs.ts';
import { operatingPaths } from './operating.ts';

/**
 * @param options version of the gateway, and the path prefix under which it is mounted
 * @returns a plain object, ready for JSON
 * @example
 * openApiDocument({ version: '0.2.0', basePath: '/prod' });
 */
export function openApiDocument(options: { version?: string; basePath?: string } = {}) {
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Facequeue',
      version: options.version ?? '0.1.0',
      summary: 'Self-hosted face detection behind a queue.',
      description:
        'Every error is application/problem+json (RFC 9457) with a `code` of the catalogue in docs/errors.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.basePath || '/' }],
    tags: [
      { name: 'detection', description: 'Faces of an image.' },
      { name: 'jobs', description: 'State and result of a call.' },
      { name: 'batches', description: 'Many images at once.' },
      { name: 'cameras', description: 'Post frames, read results.' },
      { name: 'operation', description: 'For operators.' },
    ],
    security: [{ apiKey: [] }, { bearer: [] }],
    components: {
      // Nothing but the data of an event refers to it.
      schemas: { FrameEvent },
      securitySchemes: {
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'Where API_KEYS or API_KEYS_FILE is set.',
        },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same key, as a bearer token.' },
      },
    },
    paths: { ...detectionPaths, ...jobPaths, ...batchPaths, ...cameraPaths, ...operatingPaths, ...invocationsPath },
    webhooks: { jobEnded: { post: jobEnded }, batchEnded: { post: batchEnded } },
  });
}
