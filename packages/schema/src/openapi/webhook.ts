import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { WEBHOOK_EVENTS } from '../webhook/event.ts';

interface Webhook {
  operationId: string;
  summary: string;
  tag: string;
  /** Name of the schema of `data`. */
  resource: string;
  /** What has ended, as paths name it. */
  noun: 'job' | 'batch';
}

const PATHS = { job: '/jobs/{id}', batch: '/batches/{id}' };

/**
 * What the receiver of a webhook is to offer. The event is written by hand, since it is an answer in a request's place: bodies of
 * requests are shown as what we take, and all in them twice.
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
        description: `The ${of.noun} as GET ${PATHS[of.noun]} shows it, without its webhook: the same on every try.`,
      },
    },
  };
  return {
    operationId: of.operationId,
    summary: of.summary,
    description:
      'Posted to the webhook_url of a call, signed by the Standard Webhooks specification, until it is answered 2xx or 410 or a day is over.',
    tags: [of.tag],
    security: [],
    requestParams: {
      header: z.object({
        'webhook-id': z.string().meta({ description: 'The same on every try: what came already is known by it.' }),
        'webhook-timestamp': z.string().meta({ description: 'Of the try, in Unix seconds.' }),
        'webhook-signature': z.string().meta({
          description: '`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one a secret, with blanks.',
        }),
      }),
    },
    requestBody: { required: true, content: { 'application/json': { schema: event } } },
    responses: {
      '2XX': { description: 'Taken.' },
      410: { description: 'No more of it.' },
      default: { description: 'Tried again. Redirects are not followed; Retry-After is heeded.' },
    },
  };
}
