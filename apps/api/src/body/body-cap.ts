import { FacequeueError } from '@facequeue/schema';
import { JSON_SLACK } from './json-text.ts';
import type { ImageForm } from './media-type.ts';
import { FORM_SLACK } from './multipart.ts';

/** Largest body of a form whose image has at most `maxImageBytes`, bytes. */
export function bodyCap(form: ImageForm, maxImageBytes: number): number {
  if (form === 'json') return Math.ceil(maxImageBytes / 3) * 4 + JSON_SLACK;
  return form === 'form' ? maxImageBytes + FORM_SLACK : maxImageBytes;
}

export function imageTooLarge(maxImageBytes: number): FacequeueError {
  return new FacequeueError('body_too_large', `the image is larger than ${maxImageBytes} bytes`, { parameter: 'img' });
}
