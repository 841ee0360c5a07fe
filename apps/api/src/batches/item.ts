import type { NewItem } from '@facequeue/queue';
import { FacequeueError, isFacequeueError, MAX_ITEM_ID_LENGTH, readItem, readItemId } from '@facequeue/schema';
import { checkImageUrl } from '@facequeue/source/image-url';
import { imageOf, type JsonText, readJsonText } from '../body/json-text.ts';
import type { Line } from '../body/lines.ts';
import { tooLarge } from '../body/size.ts';

/** Where an item names itself first, its id can be read though the rest of it cannot. */
const ID_IN_FRONT = /^\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.)*")/;

/**
 * The item that a line, or an element of a list, stands for. What cannot be read is an item that fails as it comes in.
 * @param line its text is overwritten; an inline item's bytes are a view of it
 * @param maxImageBytes of an image
 */
export function itemFrom(line: Line, maxImageBytes: number): NewItem {
  if (!('text' in line)) return failed(idInFront(line.head), line.number, tooLarge(maxImageBytes));
  let name: string | null = null;
  try {
    let text: JsonText;
    try {
      text = readJsonText(line.text, 'item');
    } catch (error) {
      name = idInFront(line.text);
      throw error;
    }
    const id = readItemId(text.value);
    if (id !== null && id === text.long?.standIn) {
      throw new FacequeueError('invalid_request', `id: is longer than ${MAX_ITEM_ID_LENGTH} characters`);
    }
    name = id;
    const image = imageOf(readItem(text.value), text);
    if ('url' in image) {
      checkImageUrl(image.url);
      return { name, line: line.number, content: { kind: 'url', url: image.url } };
    }
    if (image.bytes.length > maxImageBytes) throw tooLarge(maxImageBytes);
    return { name, line: line.number, content: { kind: 'inline', bytes: image.bytes } };
  } catch (error) {
    return failed(name, line.number, error);
  }
}

function failed(name: string | null, line: number, error: unknown): NewItem {
  if (!isFacequeueError(error)) throw error;
  return { name, line, content: { kind: 'error', code: error.code, detail: error.message } };
}

/** The id at the beginning of what is no JSON, or not whole. */
function idInFront(text: Buffer): string | null {
  const [, quoted] = ID_IN_FRONT.exec(text.subarray(0, 8192).toString()) ?? [];
  // Bytes that are no UTF-8 have become another name.
  if (!quoted || quoted.includes('\ufffd')) return null;
  try {
    return readItemId({ id: JSON.parse(quoted) });
  } catch {
    return null;
  }
}
