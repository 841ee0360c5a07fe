import { pipelineVariables } from '@facequeue/pipeline/variables';
import { queueVariables } from '@facequeue/queue';
import { WORKER_QUEUE_NAMES, type WorkerQueueName } from '@facequeue/schema';
import { byteSize, duration, integer, list } from '@facequeue/schema/config';
import { installationVariables } from '@facequeue/schema/installation';
import { commonVariables } from '@facequeue/service/variables';
import { sourceVariables } from '@facequeue/source';
import { z } from 'zod';
import { SANDBOX_MODES } from './engines/sandbox.ts';

const isQueue = (name: string): name is WorkerQueueName => (WORKER_QUEUE_NAMES as readonly string[]).includes(name);

/** The environment variables of the worker. */
export const workerVariables = {
  ...commonVariables,
  ...installationVariables,
  ...queueVariables,
  ...sourceVariables,
  ...pipelineVariables,
  ENGINES: z
    .union([z.literal('auto'), integer(1, { min: 1, max: 256 })], { error: 'auto or a whole number from 1 to 256' })
    .default('auto')
    .meta({
      default: 'auto',
      least: '1',
      most: '256',
      description:
        'Engine processes; each processes one image at a time. `auto`: one per CPU core, on a GPU too, but no more than memory allows: 384 MB for each on the CPU; on a GPU 1 GB for each, and 2 GB of free memory of the GPU, or 4 engines where that is not known ([gpu.md](gpu.md)).',
    }),
  ENGINE_TIMEOUT: duration('8s', { min: '1s', max: '1h' }).meta({
    description:
      'How long an image may take inside an engine before the engine is killed and the job fails with `engine_timeout`; it is not tried again. Each megapixel of the image adds a 50th of it (160 ms), each face found a 200th (40 ms). Raise it for software rendering.',
  }),
  ENGINE_SANDBOX: z.enum(SANDBOX_MODES, { error: 'auto, require or off' }).default('auto').meta({
    default: 'auto',
    description:
      'How engines are confined ([security.md](security.md#engines)). `auto`: as far as this machine and user allow; the log and `/system` say how far. `require`: the worker does not start where privileges, capabilities or limits cannot be taken. `off`: not at all.',
  }),
  ENGINE_MAX_RSS: byteSize('1gb', { min: '256mb', max: '1tb' }).meta({
    description:
      'Resident memory beyond which an engine is replaced between two images. An engine has 300 to 600 MB between images, and up to 900 MB while it decodes one of 50 megapixels ([performance.md](performance.md#large-pictures)).',
  }),
  FETCH_CONCURRENCY: integer(64, { min: 1, max: 1000 }).meta({
    description:
      'Images that one worker fetches from URLs at a time, apart from its engines. One host gets at most twice as many as there are engines, or 4 if that is more, and one API key, or without keys one client address, at most seven eighths of them. Others wait, in the worker or in their queue, and occupy no engine.',
  }),
  MAX_FETCH_BYTES: byteSize('256mb', { min: '1mb', max: '1tb' }).meta({
    description:
      'Memory of one worker for images on their way from URLs to its engines. When it is full, the fetch that began last is interrupted and begins again later; one image of `MAX_IMAGE_BYTES` always fits.',
  }),
  WORKER_QUEUES: list(WORKER_QUEUE_NAMES.join(','))
    .transform((names, context) => {
      const queues = names.filter(isQueue);
      if (queues.length > 0 && queues.length === names.length) return queues;
      context.issues.push({ code: 'custom', message: `some of ${WORKER_QUEUE_NAMES.join(', ')}`, input: names });
      return z.NEVER;
    })
    .meta({
      default: WORKER_QUEUE_NAMES.join(','),
      description:
        'Queues this worker serves, so that a deployment can reserve workers for callers that wait. `bulk` also lists buckets and writes the outputs of batches; `webhooks` delivers webhooks, and a worker with nothing else starts no engine.',
    }),
  WEBHOOK_TIMEOUT: duration('15s', { min: '100ms', max: '1h' }).meta({
    description:
      'Time a webhook’s receiver has to answer, connecting included. Without an answer the attempt has failed.',
  }),
  WEBHOOK_CONCURRENCY: integer(16, { min: 1, max: 1000 }).meta({
    description:
      'Webhooks one worker delivers at a time; those whose receivers have not answered for a second do not count, up to three times as many. One host gets at most 4 at a time, over all workers.',
  }),
  WORKER_HOST: z.string().default('127.0.0.1').meta({
    default: '127.0.0.1',
    description: 'Address of the health port; `0.0.0.0` where probes come from outside the container.',
  }),
  WORKER_PORT: integer(0, { min: 0, max: 65_535 }).meta({
    description: 'Port of the worker’s own `/livez`, `/readyz` and `/metrics`, which need no key; 0: none.',
  }),
};
