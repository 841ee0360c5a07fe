/** Paths for operators. */
import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../errors.ts';
import { KeysResource } from '../keys/resource.ts';
import { Liveness, Readiness, SystemResource } from '../system/resource.ts';
import { requestId } from './headers.ts';
import { get, operation } from './operation.ts';

const readiness = { tag: 'operation', schema: Readiness, codes: ['unavailable'] as ErrorCode[], open: true };

export const operatingPaths: ZodOpenApiPathsObject = {
  '/livez': get({
    operationId: 'live',
    summary: 'Whether the process answers',
    tag: 'operation',
    description: 'It does. Nothing else is checked.',
    schema: Liveness,
    open: true,
  }),
  '/readyz': get({
    ...readiness,
    operationId: 'ready',
    summary: 'Whether Redis answers and a worker was seen within 15 s',
    description: 'Ready.',
  }),
  '/system': get({
    operationId: 'system',
    summary: 'Version, device, models, workers and queues',
    tag: 'operation',
    description: 'The installation as it was at most 250 ms ago.',
    schema: SystemResource,
    codes: ['unauthorized', 'unavailable'],
  }),
  '/admin/keys': get({
    operationId: 'keys',
    summary: 'API keys and their use',
    tag: 'operation',
    description: 'The keys that this gateway knows, without their hashes. Needs the scope `admin`.',
    schema: KeysResource,
    codes: ['unauthorized', 'unavailable'],
  }),
  '/metrics': {
    get: operation({
      operationId: 'metrics',
      summary: 'Metrics for Prometheus (docs/metrics.md)',
      tag: 'operation',
      codes: ['unauthorized'],
      answers: {
        200: {
          description:
            "Of this gateway, and of the installation as it was at most 250 ms ago, in Prometheus' text format.",
          headers: z.object({ 'X-Request-Id': requestId }),
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
      },
    }),
  },
  '/openapi.json': get({
    operationId: 'openapi',
    summary: 'This document',
    tag: 'operation',
    description: 'OpenAPI 3.1.',
    open: true,
  }),
  '/ping': get({
    ...readiness,
    operationId: 'ping',
    summary: 'The same as /readyz, for SageMaker',
    description: 'Ready.',
  }),
};
