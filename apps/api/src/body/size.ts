import { FacequeueError } from '@facequeue/schema';
import { JSON_SLACK } from './json-text.ts';
import type { ImageForm } from './media-type.ts';
import { FORM_SLACK } from './multipart.ts';

/** Most bytes a body of a form may have, so that the image in it has at most `maxImageBytes`. */
export function bodyCap(form: ImageForm, maxImageBytes: number): number {
  if (form === 'json') return Math.ceil(maxImageBytes / 3) * 4 + JSON_SLACK;
  return form === 'form' ? maxImageBytes + FORM_SLACK : maxImageBytes;
}

export function tooLarge(maxImageBytes: number): FacequeueError {
  return new FacequeueError('body_too_large', `the image may have ${maxImageBytes} bytes at most`, {
    parameter: 'img',
  });
}
