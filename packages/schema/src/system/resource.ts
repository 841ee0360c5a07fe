/** The state of an installation as the API shows it. */
import { z } from 'zod';
import { QUEUE_NAMES, WORKER_QUEUE_NAMES } from '../job/queues.ts';

/** `GET /livez`. */
export const Liveness = z.object({ status: z.literal('ok') }).meta({ id: 'Liveness' });

/** `GET /readyz` and `GET /ping` when ready. */
export const Readiness = z
  .object({
    status: z.literal('ready'),
    workers: z.int().min(1).meta({ description: 'Workers that process images, seen within the last 15 s.' }),
  })
  .meta({ id: 'Readiness' });
export type Readiness = z.infer<typeof Readiness>;

const ModelPack = z.object({ name: z.string(), version: z.string() }).meta({ id: 'ModelPack' });

const Worker = z
  .object({
    id: z.string(),
    version: z.string(),
    device: z.string().nullable().meta({
      description:
        'cpu, webgpu, cuda or tensorrt, with the number of a GPU as in cuda:1; null for a worker that only delivers webhooks.',
    }),
    models: ModelPack.nullable(),
    engines: z.int().meta({ description: 'Engine processes, each running one image or batch at a time.' }),
    busy: z.int().meta({ description: 'Engines that are processing an image.' }),
    fetching: z.partialRecord(z.enum(QUEUE_NAMES), z.int()).optional().meta({
      description: 'Jobs whose images are on their way from slow hosts, by queue; absent for a worker of 0.1.0.',
    }),
    sandbox: z
      .object({ in_force: z.array(z.string()), missing: z.array(z.string()) })
      .optional()
      .meta({
        description:
          'How its engines are confined: no_new_privileges, no_capabilities, limits, own_user, no_network and read_only, each in force or missing; absent for a worker without engines or of 0.1.0.',
      }),
    load: z.number().meta({
      description: 'Mean share of its engines that were busy, 0 to 1, over about the last half minute.',
    }),
    queues: z.array(z.enum(WORKER_QUEUE_NAMES)).meta({ description: 'Queues that it serves.' }),
    started_at: z.iso.datetime(),
  })
  .meta({ id: 'Worker' });

const QueueState = z
  .object({
    waiting: z.int(),
    processing: z.int(),
    oldest_ms: z.number().meta({ description: 'Milliseconds that the oldest waiting job has waited.' }),
    drain_rate: z.number().meta({ description: 'Jobs that end per second, over about the last half minute.' }),
    full: z.string().nullable().meta({ description: 'Why a job would be refused now; null while there is room.' }),
  })
  .meta({ id: 'QueueState' });

/** `GET /system`. */
export const SystemResource = z
  .object({
    version: z.string().meta({ description: 'Of this gateway.' }),
    device: z
      .string()
      .nullable()
      .meta({ description: "The workers' devices, separated by commas; null without a worker." }),
    models: z.array(ModelPack).meta({ description: 'Model packs in use, each once.' }),
    workers: z.array(Worker),
    queues: z.record(z.enum(QUEUE_NAMES), QueueState),
    cameras: z.int().meta({ description: 'Cameras of all keys that have posted a frame in the last day.' }),
  })
  .meta({ id: 'System' });
export type SystemResource = z.infer<typeof SystemResource>;
