import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { statedLength } from '../http/content-length.ts';
import { bodyCap, imageTooLarge } from './body-cap.ts';
import type { ImageInput } from './image-input.ts';
import { readJson } from './json.ts';
import { bodyForm, IMAGE_FORMS, type ImageForm } from './media-type.ts';
import { readForm } from './multipart.ts';
import type { BodySize } from './receive-body.ts';

/** The body of an image as its headers describe it, checked. */
export interface AnnouncedBody extends BodySize {
  form: ImageForm;
  contentType: string;
}

/**
 * Checks a body by its headers, before any of it is read.
 * @param forms those the route accepts
 * @throws unsupported_media_type, body_too_large
 */
export function announcedBody(
  request: IncomingMessage,
  maxImageBytes: number,
  forms: readonly ImageForm[] = IMAGE_FORMS,
): AnnouncedBody {
  const form = bodyForm(request, forms);
  const cap = bodyCap(form, maxImageBytes);
  const stated = statedLength(request);
  if (stated !== null && stated > cap) throw imageTooLarge(maxImageBytes);
  return { form, contentType: request.headers['content-type'] ?? '', stated, cap };
}

/**
 * Finds the image in a received body.
 * @param body overwritten if it is JSON; the image's bytes are a view of it
 * @param lenient whether members and parts other than url and img are ignored
 * @throws invalid_request, invalid_base64
 */
export async function readImage(
  { form, contentType }: AnnouncedBody,
  body: Buffer,
  lenient: boolean,
): Promise<ImageInput> {
  if (form === 'json') return readJson(body, lenient);
  if (form === 'form') return await readForm(body, contentType, lenient);
  if (body.length === 0) throw new FacequeueError('invalid_request', 'the body is empty', { parameter: 'img' });
  return { bytes: body };
}
