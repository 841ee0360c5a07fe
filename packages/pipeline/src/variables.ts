import { integer, pixelCount } from '@facequeue/schema/config';
import { z } from 'zod';
import { DEVICE_NAMES, type DeviceChoice, expectedDevice, readDevice } from './device/names.ts';
import { DEFAULT_LIMITS, type ImageLimits } from './image/limits.ts';
import { DEFAULT_PACK } from './pack/load.ts';

/** The environment variables of the pipeline. */
export const pipelineVariables = {
  DEVICE: z
    .string()
    .default('auto')
    .transform((text, context): DeviceChoice => {
      const device = readDevice(text);
      if (device) return device;
      context.issues.push({ code: 'custom', message: expectedDevice(text), input: text });
      return z.NEVER;
    })
    .meta({
      default: 'auto',
      description: `Device that runs the models ([gpu.md](gpu.md)): ${DEVICE_NAMES}, where N is the number of one of several GPUs; tensorrt is not advised. The start fails when a device named here is not available; auto logs which device it chose and why.`,
    }),
  MODEL_PACK: z
    .string()
    .default(DEFAULT_PACK)
    .meta({ default: 'models/manifest.json', description: 'Path of the manifest of the model pack.' }),
  MAX_IMAGE_SIDE: integer(DEFAULT_LIMITS.maxSide, { min: 64, max: 16_384 }).meta({
    description:
      'Longest side of an image, px, by its header. Images over 4096 px are decoded to 4096 px; coordinates refer to the image as it was sent. 4096 refuses them, as 0.1.0 did.',
  }),
  MAX_IMAGE_PIXELS: pixelCount(`${DEFAULT_LIMITS.maxPixels / 1e6}mp`, { min: '4096', max: '200mp' }).meta({
    description:
      'Most pixels of an image (width times height, by its header): `50mp` or plain pixels. Files that cannot be decoded row by row ([security.md](security.md#images)) may have fewer where they would take over 300 MB.',
  }),
};

/** The limits of images that the settings make. */
export function imageLimits(
  config: Pick<z.output<z.ZodObject<typeof pipelineVariables>>, 'MAX_IMAGE_SIDE' | 'MAX_IMAGE_PIXELS'>,
): ImageLimits {
  return { maxSide: config.MAX_IMAGE_SIDE, maxPixels: config.MAX_IMAGE_PIXELS };
}
