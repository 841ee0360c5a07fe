import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';

/** The forms of a request body; `lines` is NDJSON. */
export type BodyForm = 'raw' | 'json' | 'form' | 'lines';
/** The forms of a body with one image. */
export const IMAGE_FORMS = ['raw', 'json', 'form'] as const;
export type ImageForm = (typeof IMAGE_FORMS)[number];

const TYPES: Record<BodyForm, string[]> = {
  raw: ['image/*', 'application/octet-stream'],
  json: ['application/json'],
  form: ['multipart/form-data'],
  lines: ['application/x-ndjson'],
};
const EITHER = new Intl.ListFormat('en', { type: 'disjunction', style: 'long' });

/**
 * The form that a request's headers announce.
 * @param forms those the route accepts
 * @throws unsupported_media_type for another type, a charset other than UTF-8, and any Content-Encoding
 */
export function bodyForm<F extends BodyForm>(request: IncomingMessage, forms: readonly F[]): F {
  const { 'content-type': contentType = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding.toLowerCase() !== 'identity') throw unsupported('Content-Encoding is not supported');
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const announced = formOf(type);
  const form = forms.find((accepted) => accepted === announced);
  if (form === 'json' || form === 'lines') {
    const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
    if (charset !== 'utf-8' && charset !== 'utf8') throw unsupported('JSON must be UTF-8');
  }
  if (form) return form;
  const accepted = EITHER.format(forms.flatMap((each) => TYPES[each]));
  if (type === '') throw unsupported(`Content-Type is missing; send ${accepted}`);
  if (type === 'application/x-www-form-urlencoded') {
    // The default of `curl --data-binary @photo.jpg`. The first form is the one for files.
    throw unsupported(
      `Content-Type ${type} is not supported; with curl add -H 'Content-Type: ${TYPES[forms[0]!].at(-1)}'`,
    );
  }
  throw unsupported(`Content-Type is not supported${announced ? ' here' : ''}; send ${accepted}`);
}

function formOf(type: string): BodyForm | null {
  if (type.startsWith('image/') || type === 'application/octet-stream') return 'raw';
  if (type === 'multipart/form-data') return 'form';
  if (type === 'application/x-ndjson' || type === 'application/ndjson') return 'lines';
  return type === 'application/json' ? 'json' : null;
}

const unsupported = (detail: string) => new FacequeueError('unsupported_media_type', detail);
