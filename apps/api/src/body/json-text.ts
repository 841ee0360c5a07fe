/** JSON from callers with at most one long string: an image in base64, which never becomes a JavaScript string. */
import { randomUUID } from 'node:crypto';
import { type DetectionBody, FacequeueError, MAX_URL_LENGTH } from '@facequeue/schema';
import { decodeInPlace, invalidBase64 } from './base64.ts';
import type { ImageInput } from './image-input.ts';

/**
 * Most bytes beside the longest string. A URL and names need less. Only this much is parsed, because JSON that consists of brackets takes
 * forty times its size in memory.
 */
export const JSON_SLACK = 1 << 17;

/** Shorter strings stay in the text. Every URL does, even if each of its 8192 characters is written `\uXXXX`. */
const LONG_STRING = 6 * MAX_URL_LENGTH;

/** Each quote within strings costs a step; no legitimate request has this many. */
const MAX_QUOTES = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const invalid = (detail: string, parameter?: string) =>
  new FacequeueError('invalid_request', detail, parameter === undefined ? {} : { parameter });

/**
 * Reads JSON that names or contains an image.
 * @param text decoded in place: the image's bytes are a view of it
 * @param what for error texts: body or item
 * @param parse finds url or img in the parsed value. If the longest string is a long one, `placeholder` stands in its place
 * @throws invalid_request, invalid_base64, what `parse` throws
 */
export function readImageJson(
  text: Buffer,
  what: string,
  parse: (value: unknown, placeholder: string) => DetectionBody,
): ImageInput {
  const span = longestString(text, what);
  const placeholder = randomUUID();
  const rest = span
    ? `${utf8(text.subarray(0, span.start), what)}${placeholder}${utf8(text.subarray(span.end), what)}`
    : utf8(text.subarray(0, JSON_SLACK + 1), what);
  if (rest.length > JSON_SLACK) throw invalid(`the ${what} has more than ${JSON_SLACK} bytes beside the image`);
  const image = parse(parseJson(rest, what), placeholder);
  if ('url' in image) {
    if (span && image.url === placeholder) throw invalid('url is too long', 'url');
    return { url: image.url };
  }
  const long = span && image.img === placeholder;
  const bytes = decodeInPlace(long ? unescaped(text.subarray(span.start, span.end)) : Buffer.from(image.img));
  if (bytes.length === 0) throw invalid('img is empty', 'img');
  return { bytes };
}

/**
 * @param text at most some 100 kB
 * @param what for error texts
 * @throws invalid_request, also when the outermost object repeats a member
 */
export function parseJson(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson(what);
  }
  const repeated = repeatedName(text);
  if (repeated !== null) throw invalid(`member ${repeated} is given twice`);
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

/** Index of the quote that closes the string opened at `open`; -1 when there is none. `onQuote` is called for every quote examined. */
export function stringEnd(text: Buffer, open: number, onQuote: () => void): number {
  let close = open;
  do {
    close = text.indexOf(QUOTE, close + 1);
    onQuote();
  } while (close >= 0 && isEscaped(text, close));
  return close;
}

/** @returns the longest string without its quotes; null when there is no long one */
function longestString(text: Buffer, what: string): { start: number; end: number } | null {
  let longest: { start: number; end: number } | null = null;
  let quotes = 0;
  const onQuote = () => {
    if (++quotes > MAX_QUOTES) throw invalid(`the ${what} has too many strings`);
  };
  for (let open = text.indexOf(QUOTE); open >= 0; ) {
    const close = stringEnd(text, open, onQuote);
    if (close < 0) throw notJson(what);
    const start = open + 1;
    if (close - start >= LONG_STRING && close - start > (longest ? longest.end - longest.start : 0))
      longest = { start, end: close };
    open = text.indexOf(QUOTE, close + 1);
  }
  return longest;
}

function isEscaped(text: Buffer, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}

/** A string without its escapes: PHP, for one, writes every slash as `\/`. */
function unescaped(text: Buffer): Buffer {
  if (!text.includes(BACKSLASH)) return text;
  try {
    return Buffer.from(JSON.parse(`"${text.toString('latin1')}"`), 'latin1');
  } catch {
    throw invalidBase64();
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
