import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { JSON_SLACK } from './json-text.ts';
import type { ImageForm } from './media-type.ts';
import { FORM_SLACK } from './multipart.ts';

/** Most bytes a body of a form may have, so that the image in it has at most `maxImageBytes`. */
export function bodyCap(form: ImageForm, maxImageBytes: number): number {
  if (form === 'json') return Math.ceil(maxImageBytes / 3) * 4 + JSON_SLACK;
  return form === 'form' ? maxImageBytes + FORM_SLACK : maxImageBytes;
}

/** The stated length of a body, bytes; null when it comes in chunks. The HTTP parser has checked its shape. */
export function statedLength(request: IncomingMessage): number | null {
  if (request.headers['transfer-encoding'] !== undefined) return null;
  return Number(request.headers['content-length'] ?? 0);
}

/** True when a request comes with a body, of whatever length. */
export function hasBody(request: IncomingMessage): boolean {
  return statedLength(request) !== 0;
}

export function tooLarge(maxImageBytes: number): FacequeueError {
  return new FacequeueError('body_too_large', `the image may have ${maxImageBytes} bytes at most`, {
    parameter: 'img',
  });
}
