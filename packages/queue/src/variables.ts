import { byteSize, duration, integer } from '@facequeue/schema/config';
import { z } from 'zod';
import type { AdmissionLimits } from './limits/admission.ts';
import { KEY_PREFIX } from './redis/key-prefix.ts';

/** Environment variables of the queue, for gateway and worker. */
export const queueVariables = {
  QUEUE_PREFIX: z
    .string()
    .regex(KEY_PREFIX, { error: 'a name in braces such as {fq}' })
    .default('{fq}')
    .meta({ default: '{fq}', description: 'Prefix of every key; one installation each. The braces are required.' }),
  MAX_WAITING_JOBS: integer(100_000, { min: 1, max: 10_000_000 }).meta({
    description:
      'Jobs, items of batches and frames waiting, above which new ones are refused. Bulk jobs, batches and cameras get 80 % of each limit, one camera an eighth of that; one API key, or without keys one address, seven eighths, and less while others wait.',
  }),
  MAX_BLOB_BYTES: byteSize('1gb', { min: '1mb', max: '1tb' }).meta({
    description:
      'Image bytes waiting in Redis, above which new jobs are refused, in the same shares; a larger image is refused always. Its disk needs three times as much.',
  }),
  MAX_RESULT_BYTES: byteSize('256mb', { min: '100kb', max: '1tb' }).meta({
    description:
      'Bytes of kept results and undelivered webhooks, above which new jobs are refused, in the same shares. Webhooks may take half of it, those of one receiver an eighth.',
  }),
  MAX_OLDEST: duration('10m', { min: '100ms', max: '3650d' }).meta({
    description:
      'Age of the oldest waiting job of an API key, or without keys of an address, above which it gets no new jobs into that queue.',
  }),
  RESULT_TTL: duration('1h', { min: '1s', max: '3650d' }).meta({
    description: 'How long an ended job and its result are kept.',
  }),
  BATCH_TTL: duration('24h', { min: '1s', max: '3650d' }).meta({
    description: 'How long a batch and its results are kept once it has ended.',
  }),
  MAX_ATTEMPTS: integer(5, { min: 1, max: 100 }).meta({
    description:
      'Attempts of a job, over crashes and retries, after which it ends as failed. Attempts that a stopping worker releases do not count.',
  }),
};

/** The limits of admission, from the variables' values. */
export function admissionLimits(config: z.output<z.ZodObject<typeof queueVariables>>): AdmissionLimits {
  return {
    maxWaiting: config.MAX_WAITING_JOBS,
    maxBlobBytes: config.MAX_BLOB_BYTES,
    maxResultBytes: config.MAX_RESULT_BYTES,
    maxOldestMs: config.MAX_OLDEST,
  };
}
