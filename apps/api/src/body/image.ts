import type { IncomingMessage, ServerResponse } from 'node:http';
import { FacequeueError } from '@facequeue/schema';
import { checkImageUrl } from '@facequeue/source/image-url';
import { statedLength } from '../http/content-length.ts';
import type { BodyMemory } from './body-memory.ts';
import type { ImageInput } from './image-input.ts';
import { readJson } from './json.ts';
import { bodyForm, IMAGE_FORMS, type ImageForm } from './media-type.ts';
import { readForm } from './multipart.ts';
import { receiveBody } from './receive-body.ts';
import { bodyCap, tooLarge } from './size.ts';

export interface BodyLimits {
  maxImageBytes: number;
  timeoutMs: number;
  /** Members and parts beside url and img are ignored. */
  lenient: boolean;
}

/** What the headers say of a body, checked; the most bytes it may become. */
export interface AnnouncedBody {
  form: ImageForm;
  bytes: number;
}

/**
 * Judges a body by its headers, before any of it is read.
 * @param forms those the route takes; all when absent
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
  if (stated !== null && stated > cap) throw tooLarge(maxImageBytes);
  return { form, bytes: stated ?? cap };
}

/**
 * Receives and reads a body, and hands its image to `use`. The body memory holds the bytes until `use` is done.
 * @throws invalid_request, invalid_base64, body_too_large, request_timeout, queue_full (no body memory), ClientDisconnected, what `use` throws
 */
export async function withImage<T>(
  request: IncomingMessage,
  response: ServerResponse,
  announced: AnnouncedBody,
  bodyMemory: BodyMemory,
  limits: BodyLimits,
  use: (image: ImageInput) => Promise<T>,
): Promise<T> {
  return withBody(request, response, announced, bodyMemory, limits, async (body) => {
    const image = await readImage(announced.form, body, request.headers['content-type']!, limits.lenient);
    if ('url' in image) checkImageUrl(image.url);
    else if (image.bytes.length > limits.maxImageBytes) throw tooLarge(limits.maxImageBytes);
    return await use(image);
  });
}

/**
 * The same for a body that was announced as raw: the image itself.
 * @throws as `withImage`
 */
export async function withRawImage<T>(
  request: IncomingMessage,
  response: ServerResponse,
  announced: AnnouncedBody,
  bodyMemory: BodyMemory,
  limits: Omit<BodyLimits, 'lenient'>,
  use: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  return withBody(request, response, announced, bodyMemory, limits, async (body) => use(notEmpty(body)));
}

async function withBody<T>(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes }: AnnouncedBody,
  bodyMemory: BodyMemory,
  { maxImageBytes, timeoutMs }: Omit<BodyLimits, 'lenient'>,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  using lease = bodyMemory.take(bytes);
  const body = await receiveBody(request, response, bytes, timeoutMs, () => tooLarge(maxImageBytes));
  lease.keep(body.length);
  return await use(body);
}

async function readImage(form: ImageForm, body: Buffer, contentType: string, lenient: boolean): Promise<ImageInput> {
  if (form === 'json') return readJson(body, lenient);
  if (form === 'form') return await readForm(body, contentType, lenient);
  return { bytes: notEmpty(body) };
}

function notEmpty(body: Buffer): Buffer {
  if (body.length > 0) return body;
  throw new FacequeueError('invalid_request', 'the body is empty; send the image', { parameter: 'img' });
}
