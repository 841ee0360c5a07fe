import { FacequeueError, readDetectionBody } from '@facequeue/schema';
import { Busboy, type BusboyFileStream } from '@fastify/busboy';
import type { ImageInput } from './image-input.ts';

/** Most bytes of a form beside the image: part headers, boundaries, a URL. */
export const FORM_SLACK = 1 << 16;

/** A valid form has one part; with a few more it is refused by the names of its parts. */
const MAX_PARTS = 16;

const malformed = () => new FacequeueError('invalid_request', 'the body is not valid multipart/form-data');

/**
 * Reads a form whose `img` part is the image or whose `url` part names it. A part named `img` is bytes, whatever its headers say.
 * @param body the whole body; the image is a view of it
 * @param lenient whether other parts are ignored
 * @throws invalid_request
 */
export async function readForm(body: Buffer, contentType: string, lenient: boolean): Promise<ImageInput> {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType)?.slice(1);
  const delimiter = boundary?.[0] ?? boundary?.[1];
  if (!delimiter) throw new FacequeueError('invalid_request', 'multipart/form-data has no boundary');
  if (count(body, `--${delimiter}`) > MAX_PARTS + 1) {
    throw new FacequeueError('invalid_request', `the form has more than ${MAX_PARTS} parts`);
  }
  const parts = await parseParts(body, delimiter);
  const members: Record<string, string> = Object.create(null);
  for (const { name, text } of parts) {
    if (name in members)
      throw new FacequeueError('invalid_request', `part ${JSON.stringify(name.slice(0, 64))} is given twice`);
    members[name] = text;
  }
  const image = readDetectionBody(members, lenient);
  if ('url' in image) return { url: image.url };
  return { bytes: parts.find((part) => part.name === 'img')!.bytes };
}

interface Part {
  name: string;
  /** The text of a field; `file` for a file, or empty for an empty file. */
  text: string;
  bytes: Uint8Array;
}

/** Passes the body to the parser in one chunk, which cuts the image out of it without copying. */
function parseParts(body: Buffer, boundary: string): Promise<Part[]> {
  return new Promise((resolve, reject) => {
    const parts: Part[] = [];
    const form = new Busboy({
      headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
      isPartAFile: (name, _type, fileName) => name === 'img' || fileName !== undefined,
      limits: { fieldSize: FORM_SLACK, fieldNameSize: 64, headerPairs: 16, headerSize: 8192 },
    });
    form.on('file', (name: string | undefined, file: BusboyFileStream) => {
      const chunks: Buffer[] = [];
      file.on('data', (chunk: Buffer) => chunks.push(chunk));
      // When the body ends within a file, both the file and the form emit an error.
      file.on('error', () => reject(malformed()));
      file.on('end', () => {
        const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
        parts.push({ name: name ?? '', text: bytes.length > 0 ? 'file' : '', bytes });
      });
    });
    form.on('field', (name: string | undefined, text: string) => {
      parts.push({ name: name ?? '', text, bytes: new Uint8Array(0) });
    });
    form.on('error', () => reject(malformed()));
    form.on('finish', () => resolve(parts));
    form.end(body);
  });
}

/** How often `needle` occurs. */
function count(body: Buffer, needle: string): number {
  let found = 0;
  const bytes = Buffer.from(needle);
  for (let at = body.indexOf(bytes); at >= 0; at = body.indexOf(bytes, at + bytes.length)) found++;
  return found;
}
