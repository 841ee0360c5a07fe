import type { NewItem } from '@facequeue/queue';
import {
  FacequeueError,
  isFacequeueError,
  MAX_ITEM_ID_LENGTH,
  readItem,
  readItemId,
  requireSource,
} from '@facequeue/schema';
import { checkImageUrl } from '@facequeue/source/image-url';
import { imageTooLarge } from '../body/body-cap.ts';
import { readImageJson } from '../body/json-text.ts';
import type { Line } from '../body/lines.ts';
import type { UploadLimits } from '../body/upload-limits.ts';

/** What an item may be. */
export type ItemLimits = Pick<UploadLimits, 'maxImageBytes' | 'sources'>;

/** An item that names its id first can be identified even if the rest of it is unreadable. */
const LEADING_ID = /^\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.)*")/;

/**
 * Reads the item of a line, or of an element of a list. One that is unreadable becomes an item that fails at once.
 * @param line its text is overwritten; an inline item's bytes are a view of it
 */
export function itemFrom(line: Line, { maxImageBytes, sources }: ItemLimits): NewItem {
  if (!('text' in line)) return failed(leadingId(line.head), line.number, imageTooLarge(maxImageBytes));
  let name: string | null = null;
  let parsed = false;
  try {
    const image = readImageJson(line.text, 'item', (value, placeholder) => {
      parsed = true;
      const id = readItemId(value);
      if (id === placeholder) {
        throw new FacequeueError('invalid_request', `id: is longer than ${MAX_ITEM_ID_LENGTH} characters`);
      }
      name = id;
      return readItem(value);
    });
    if ('url' in image) {
      checkImageUrl(image.url, sources);
      return { name, line: line.number, content: { kind: 'url', url: image.url } };
    }
    requireSource(sources, 'inline');
    if (image.bytes.length > maxImageBytes) throw imageTooLarge(maxImageBytes);
    return { name, line: line.number, content: { kind: 'inline', bytes: image.bytes } };
  } catch (error) {
    return failed(parsed ? name : leadingId(line.text), line.number, error);
  }
}

function failed(name: string | null, line: number, error: unknown): NewItem {
  if (!isFacequeueError(error)) throw error;
  return { name, line, content: { kind: 'error', code: error.code, detail: error.message } };
}

/** The id at the beginning of text that is incomplete or not JSON. */
function leadingId(text: Buffer): string | null {
  const [, quoted] = LEADING_ID.exec(text.subarray(0, 8192).toString()) ?? [];
  // Bytes that are not UTF-8 would result in another name.
  if (!quoted || quoted.includes('\ufffd')) return null;
  try {
    return readItemId({ id: JSON.parse(quoted) });
  } catch {
    return null;
  }
}
