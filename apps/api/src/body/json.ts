import { FacequeueError, readDetectionBody } from '@facequeue/schema';
import type { ImageInput } from './image-input.ts';
import { imageOf, readJsonText } from './json-text.ts';

/**
 * Reads `{"url": …}` or `{"img": …}`. The image is decoded in the buffer it came in and never becomes a string.
 * @param body overwritten
 * @param lenient other members are ignored
 * @throws invalid_request, invalid_base64
 */
export function readJson(body: Buffer, lenient: boolean): ImageInput {
  if (body.length === 0) throw new FacequeueError('invalid_request', 'the body is empty; send JSON with url or img');
  const text = readJsonText(body, 'body');
  return imageOf(readDetectionBody(text.value, lenient), text);
}
