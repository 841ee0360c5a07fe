import { requireSource } from '@facequeue/schema';
import { checkImageUrl } from '@facequeue/source/image-url';
import { imageTooLarge } from '../body/body-cap.ts';
import { readImage } from '../body/image-body.ts';
import type { ImageInput } from '../body/image-input.ts';
import { receiveBody } from '../body/receive-body.ts';
import type { DetectionCall } from './read-call.ts';

/**
 * Receives the body and passes its image to `use`. What has arrived is reserved in the body memory until `use` is done.
 * @throws invalid_request, invalid_base64, body_too_large, request_timeout, source_forbidden, queue_full and quota_exceeded (no
 *   body memory), ClientDisconnected, what `use` throws
 */
export async function receiveImage<T>(
  { services: { config, bodyMemory: memory }, request, response, body, limits }: DetectionCall,
  use: (image: ImageInput) => Promise<T>,
): Promise<T> {
  const { maxImageBytes, sources } = limits;
  // Other forms show only when they are read what is in them.
  if (body.form === 'raw') requireSource(sources, 'inline');
  const tooLarge = () => imageTooLarge(maxImageBytes);
  return receiveBody(request, response, { ...body, memory, pace: limits, tooLarge }, async (received) => {
    const image = await readImage(body, received, config.COMPAT === 'aws');
    if ('url' in image) checkImageUrl(image.url, sources);
    else {
      requireSource(sources, 'inline');
      if (image.bytes.length > maxImageBytes) throw tooLarge();
    }
    return await use(image);
  });
}
