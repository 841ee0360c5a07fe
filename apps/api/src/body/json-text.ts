/** JSON from outside that carries at most one long string: an image in base64, which never becomes a JavaScript string. */
import { randomUUID } from 'node:crypto';
import { type DetectionBody, FacequeueError, MAX_URL_LENGTH } from '@facequeue/schema';
import { decodeInPlace } from './base64.ts';
import type { ImageInput } from './image-input.ts';

/**
 * Bytes beside the longest string. A URL and names need less; parsing is held to it, because JSON made of brackets takes
 * forty times its size in memory.
 */
export const JSON_SLACK = 1 << 17;

/** Strings shorter than this stay in the text: among them every URL, were each of its 8192 characters written `\uXXXX`. */
const LONG_STRING = 6 * MAX_URL_LENGTH;

/** Quotes within strings need a step each; no request needs many. */
const MAX_QUOTES = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const invalid = (detail: string, parameter?: string) =>
  new FacequeueError('invalid_request', detail, parameter === undefined ? {} : { parameter });

/** JSON whose longest string, if it is a long one, stands aside. */
export interface JsonText {
  /** With the long string's stand-in. */
  value: unknown;
  long: { standIn: string; inside: Buffer } | null;
}

/**
 * @param text stays as it is; the long string is a view of it
 * @param what it is, for the texts of errors: body or item
 * @throws invalid_request
 */
export function readJsonText(text: Buffer, what: string): JsonText {
  const place = longestString(text, what);
  const standIn = randomUUID();
  const rest = place
    ? `${utf8(text.subarray(0, place.start), what)}${standIn}${utf8(text.subarray(place.end), what)}`
    : utf8(text.subarray(0, JSON_SLACK + 1), what);
  if (rest.length > JSON_SLACK) throw invalid(`the ${what} has more than ${JSON_SLACK} bytes beside the image`);
  const value = parseJson(rest, what);
  return { value, long: place && { standIn, inside: text.subarray(place.start, place.end) } };
}

/**
 * The image that JSON names or carries. It is decoded in the buffer it came in, which is overwritten.
 * @throws invalid_request, invalid_base64
 */
export function imageOf(image: DetectionBody, { long }: JsonText): ImageInput {
  if ('url' in image) {
    if (image.url === long?.standIn) throw invalid('url is too long', 'url');
    return { url: image.url };
  }
  const encoded = image.img === long?.standIn ? unescaped(long.inside) : Buffer.from(image.img);
  const bytes = decodeInPlace(encoded);
  if (bytes.length === 0) throw invalid('img is empty', 'img');
  return { bytes };
}

/**
 * @param text of some 100 kB at most
 * @param what it is, for the texts of errors
 * @throws invalid_request, also when the outermost object has a member twice
 */
export function parseJson(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson(what);
  }
  const twice = repeatedName(text);
  if (twice !== null) throw invalid(`member ${twice} is given twice`);
  return value;
}

/** @throws invalid_request */
export function utf8(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(`the ${what} is not UTF-8`);
  }
}

export const notJson = (what: string) => invalid(`the ${what} is not valid JSON`);

/** Index of the quote that ends the string begun at `open`; -1 when none does. `step` is called for every quote looked at. */
export function stringEnd(text: Buffer, open: number, step: () => void): number {
  let close = open;
  do {
    close = text.indexOf(QUOTE, close + 1);
    step();
  } while (close >= 0 && isEscaped(text, close));
  return close;
}

/** @returns where the inside of the longest string lies; null when there is no long one */
function longestString(text: Buffer, what: string): { start: number; end: number } | null {
  let best: { start: number; end: number } | null = null;
  let quotes = 0;
  const step = () => {
    if (++quotes > MAX_QUOTES) throw invalid(`the ${what} has too many strings`);
  };
  for (let open = text.indexOf(QUOTE); open >= 0; ) {
    const close = stringEnd(text, open, step);
    if (close < 0) throw notJson(what);
    const start = open + 1;
    if (close - start >= LONG_STRING && close - start > (best ? best.end - best.start : 0))
      best = { start, end: close };
    open = text.indexOf(QUOTE, close + 1);
  }
  return best;
}

function isEscaped(text: Buffer, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}

/** The inside of a string without its escapes: PHP, for one, writes every slash as `\/`. */
function unescaped(inside: Buffer): Buffer {
  if (!inside.includes(BACKSLASH)) return inside;
  try {
    return Buffer.from(JSON.parse(`"${inside.toString('latin1')}"`), 'latin1');
  } catch {
    throw new FacequeueError('invalid_base64', 'img is not base64', { parameter: 'img' });
  }
}

/** A member name that valid JSON repeats in its outermost object; parsers disagree on which of the two counts. */
function repeatedName(text: string): string | null {
  const seen = new Set<string>();
  let depth = 0;
  let last = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}:]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token !== ':') last = token;
    else if (depth === 1) {
      const name: string = JSON.parse(last);
      if (seen.has(name)) return JSON.stringify(name.slice(0, 64));
      seen.add(name);
    }
  }
  return null;
}
