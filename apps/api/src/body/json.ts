import { FacequeueError, readDetectionBody } from '@facequeue/schema';
import type { ImageInput } from './image-input.ts';
import { readImageJson } from './json-text.ts';

/**
 * Reads `{"url": …}` or `{"img": …}`. The image is decoded in place and never becomes a string.
 * @param body overwritten
 * @param lenient whether other members are ignored
 * @throws invalid_request, invalid_base64
 */
export function readJson(body: Buffer, lenient: boolean): ImageInput {
  if (body.length === 0) throw new FacequeueError('invalid_request', 'the body is empty');
  return readImageJson(body, 'body', (value) => readDetectionBody(value, lenient));
}
