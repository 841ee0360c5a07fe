import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { WEBHOOK_EVENTS } from '../webhook/event.ts';

interface Webhook {
  operationId: string;
  summary: string;
  tag: string;
  /** Name of the schema of `data`. */
  resource: string;
  /** The kind of thing that has ended. */
  noun: 'job' | 'batch';
}

const PATHS = { job: '/jobs/{id}', batch: '/batches/{id}' };

/**
 * The operation that the receiver of a webhook offers. The schema of the event is written by hand: zod-openapi would render a
 * request body as input, and so define all its schemas a second time.
 */
export function webhookReceiver(of: Webhook): ZodOpenApiOperationObject {
  const event = {
    type: 'object' as const,
    required: ['type', 'timestamp', 'data'],
    properties: {
      type: { type: 'string' as const, enum: [...WEBHOOK_EVENTS[of.noun].types] },
      timestamp: { type: 'string' as const, format: 'date-time', description: `When the ${of.noun} ended.` },
      data: {
        $ref: `#/components/schemas/${of.resource}`,
        description: `The ${of.noun} as GET ${PATHS[of.noun]} shows it, without its webhook: the same in every attempt.`,
      },
    },
  };
  return {
    operationId: of.operationId,
    summary: of.summary,
    description:
      'Posted to the webhook_url of a call, signed as in the Standard Webhooks specification, until it is answered 2xx or 410 or a day has passed.',
    tags: [of.tag],
    security: [],
    requestParams: {
      header: z.object({
        'webhook-id': z.string().meta({ description: 'The same in every attempt, to recognize repeats.' }),
        'webhook-timestamp': z.string().meta({ description: 'Time of the attempt, in Unix seconds.' }),
        'webhook-signature': z.string().meta({
          description:
            '`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret, separated by spaces.',
        }),
      }),
    },
    requestBody: { required: true, content: { 'application/json': { schema: event } } },
    responses: {
      '2XX': { description: 'Accepted.' },
      410: { description: 'Refused for good: no further attempts.' },
      default: { description: 'Retried. Redirects are not followed; Retry-After is respected.' },
    },
  };
}
