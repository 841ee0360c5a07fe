import type { IncomingMessage } from 'node:http';
import { FacequeueError } from '@facequeue/schema';

/** The forms a body comes in. */
export type BodyForm = 'json' | 'raw' | 'form';

const ACCEPTED = 'image/*, application/octet-stream, application/json or multipart/form-data';

/**
 * The form a request's headers announce.
 * @throws unsupported_media_type for another type, a charset beside UTF-8, and any Content-Encoding
 */
export function bodyForm(request: IncomingMessage): BodyForm {
  const { 'content-type': contentType = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding.toLowerCase() !== 'identity') throw unsupported('Content-Encoding is not supported');
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (type.startsWith('image/') || type === 'application/octet-stream') return 'raw';
  if (type === 'multipart/form-data') return 'form';
  if (type === 'application/json') {
    const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
    if (charset !== 'utf-8' && charset !== 'utf8') throw unsupported('JSON must be UTF-8');
    return 'json';
  }
  if (type === '') throw unsupported(`Content-Type is missing; send ${ACCEPTED}`);
  if (type === 'application/x-www-form-urlencoded') {
    // What curl says by itself of --data-binary @photo.jpg.
    throw unsupported(
      `Content-Type ${type} is not supported; with curl add -H 'Content-Type: application/octet-stream'`,
    );
  }
  throw unsupported(`Content-Type is not supported; send ${ACCEPTED}`);
}

const unsupported = (detail: string) => new FacequeueError('unsupported_media_type', detail);
