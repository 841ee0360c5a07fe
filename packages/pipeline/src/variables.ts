import { z } from 'zod';
import { DEVICES } from './device/choose.ts';
import { DEFAULT_PACK } from './pack/load.ts';

/** The environment variables of the pipeline. */
export const pipelineVariables = {
  DEVICE: z
    .enum(DEVICES, { error: DEVICES.join(', ') })
    .default('auto')
    .meta({
      default: 'auto',
      description:
        'What the models run on: auto, cpu, webgpu, cuda or tensorrt. One asked for by name that is not there stops the start; auto says in the log what it chose and why.',
    }),
  MODEL_PACK: z
    .string()
    .default(DEFAULT_PACK)
    .meta({ default: 'models/manifest.json', description: 'Path of the manifest of the model pack.' }),
};
