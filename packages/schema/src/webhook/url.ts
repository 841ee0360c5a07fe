import { z } from 'zod';
import { replaceWith } from '../http/query.ts';

/** Longest accepted webhook URL, characters: it is kept with the job. */
export const MAX_WEBHOOK_URL_LENGTH = 2048;

/**
 * The option `webhook_url`, in a query string or a JSON body.
 * @param description for the OpenAPI document: which event the webhook reports
 */
export function webhookField(description: string) {
  return z
    .string('expected a string')
    .regex(/^\s*https?:/i, 'expected an http or https URL')
    .max(MAX_WEBHOOK_URL_LENGTH, `is longer than ${MAX_WEBHOOK_URL_LENGTH} characters`)
    .meta({
      override: ({ jsonSchema }) =>
        replaceWith(jsonSchema, {
          type: 'string',
          format: 'uri',
          maxLength: MAX_WEBHOOK_URL_LENGTH,
          description: `${description} Refused where WEBHOOK_SECRETS has no secret for the caller.`,
        }),
    });
}
