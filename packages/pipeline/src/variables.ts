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
        'Device that runs the models: auto, cpu, webgpu, cuda or tensorrt. The start fails when a device named here is not available; auto logs which device it chose and why.',
    }),
  MODEL_PACK: z
    .string()
    .default(DEFAULT_PACK)
    .meta({ default: 'models/manifest.json', description: 'Path of the manifest of the model pack.' }),
};
