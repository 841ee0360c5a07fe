/** JSON bodies with items: each item is cut out as text and read like a line. */
import { FacequeueError, MAX_JSON_ITEMS } from '@facequeue/schema';
import { JSON_SLACK, notJson, parseJson, stringEnd, utf8 } from '../body/json-text.ts';

/** Most bytes outside strings, quotes included: each costs a step. A thousand items with one member a line have a tenth of that. */
const MAX_STEPS = 1 << 20;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING = new Set(Buffer.from('[{'));
const CLOSING = new Set(Buffer.from(']}'));
const BLANK = new Set(Buffer.from(' \t\r\n'));
const BRACKET = 0x5b;

/**
 * Cuts the elements of `items` out of a JSON object.
 * @returns the object with an empty list in their place, and the elements as views of the body
 * @throws invalid_request when the rest is not valid JSON; the elements themselves are not checked
 */
export function splitItems(body: Buffer): { members: unknown; items: Buffer[] } {
  let steps = 0;
  const step = () => {
    if (++steps > MAX_STEPS) {
      throw new FacequeueError('invalid_request', `the body has more than ${MAX_STEPS} bytes outside its strings`);
    }
  };
  const items: Buffer[] = [];
  /** Span of the elements. */
  let list: { from: number; to: number } | null = null;
  let inside = false;
  let depth = 0;
  let name = body.subarray(0, 0);
  let start = 0;
  const cutItem = (end: number) => {
    const item = body.subarray(start, end);
    const blank = item.every((byte) => BLANK.has(byte));
    if (!blank) items.push(item);
    if (items.length > MAX_JSON_ITEMS) {
      throw new FacequeueError(
        'invalid_request',
        `there are more than ${MAX_JSON_ITEMS} items: send application/x-ndjson, one item a line`,
      );
    }
    return !blank;
  };
  for (let at = 0; at < body.length; at++) {
    step();
    const byte = body[at]!;
    if (byte === QUOTE) {
      const end = stringEnd(body, at, step);
      if (end < 0) throw notJson('body');
      if (depth === 1) name = body.subarray(at, end + 1);
      at = end;
    } else if (OPENING.has(byte)) {
      if (byte === BRACKET && depth === 1 && !list && isItems(name)) {
        start = at + 1;
        list = { from: start, to: start };
        inside = true;
      }
      depth++;
    } else if (CLOSING.has(byte)) {
      depth--;
      if (inside && depth === 1) {
        if (!cutItem(at) && items.length > 0) throw notJson('body');
        list!.to = at;
        inside = false;
      }
    } else if (byte === COMMA && inside && depth === 2) {
      if (!cutItem(at)) throw notJson('body');
      start = at + 1;
    }
  }
  if (inside) throw notJson('body');
  const rest = list ? Buffer.concat([body.subarray(0, list.from), body.subarray(list.to)]) : body;
  if (rest.length > JSON_SLACK) {
    throw new FacequeueError('invalid_request', `the body has more than ${JSON_SLACK} bytes beside its items`);
  }
  return { members: parseJson(utf8(rest, 'body'), 'body'), items };
}

/** @param name with its quotes */
function isItems(name: Buffer): boolean {
  // Longest when every letter is written as \uXXXX.
  if (name.length > 2 + 6 * 'items'.length) return false;
  try {
    return JSON.parse(String(name)) === 'items';
  } catch {
    return false;
  }
}
