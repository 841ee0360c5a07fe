import { randomUUID } from 'node:crypto';
import { FacequeueError, MAX_URL_LENGTH, readDetectionBody } from '@facequeue/schema';
import { decodeInPlace } from './base64.ts';
import type { ImageInput } from './image-input.ts';

/**
 * Bytes of a body beside its longest string. A URL and names need less; parsing is held to it, because JSON made of
 * brackets takes forty times its size in memory.
 */
export const JSON_SLACK = 1 << 17;

/** Strings shorter than this stay in the text: among them every URL, were each of its 8192 characters written `\uXXXX`. */
const LONG_STRING = 6 * MAX_URL_LENGTH;

/** Quotes within strings need a step each; no request needs many. */
const MAX_QUOTES = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const notJson = () => new FacequeueError('invalid_request', 'the body is not valid JSON');

/**
 * Reads `{"url": …}` or `{"img": …}`. The image is decoded in the buffer it came in and never becomes a string.
 * @param body overwritten
 * @param lenient other members are ignored
 * @throws invalid_request, invalid_base64
 */
export function readJson(body: Buffer, lenient: boolean): ImageInput {
  if (body.length === 0) throw new FacequeueError('invalid_request', 'the body is empty; send JSON with url or img');
  const long = longestString(body);
  const stand = randomUUID();
  const text = long
    ? `${utf8(body.subarray(0, long.start))}${stand}${utf8(body.subarray(long.end))}`
    : utf8(body.subarray(0, JSON_SLACK + 1));
  if (text.length > JSON_SLACK) {
    throw new FacequeueError('invalid_request', `the body has more than ${JSON_SLACK} bytes beside the image`);
  }
  const members = parse(text);
  const image = readDetectionBody(members, lenient);
  if ('url' in image) {
    if (image.url === stand) throw new FacequeueError('invalid_request', 'url is too long', { parameter: 'url' });
    return { url: image.url };
  }
  const encoded = image.img === stand ? unescaped(body.subarray(long!.start, long!.end)) : Buffer.from(image.img);
  const bytes = decodeInPlace(encoded);
  if (bytes.length === 0) throw new FacequeueError('invalid_request', 'img is empty', { parameter: 'img' });
  return { bytes };
}

/** @returns where the inside of the longest string lies; null when there is no long one */
function longestString(body: Buffer): { start: number; end: number } | null {
  let best: { start: number; end: number } | null = null;
  let quotes = 0;
  for (let open = body.indexOf(QUOTE); open >= 0; ) {
    let close = open;
    do {
      close = body.indexOf(QUOTE, close + 1);
      if (++quotes > MAX_QUOTES) throw new FacequeueError('invalid_request', 'the body has too many strings');
    } while (close >= 0 && isEscaped(body, close));
    if (close < 0) throw notJson();
    const start = open + 1;
    if (close - start >= LONG_STRING && close - start > (best ? best.end - best.start : 0))
      best = { start, end: close };
    open = body.indexOf(QUOTE, close + 1);
  }
  return best;
}

function isEscaped(body: Buffer, at: number): boolean {
  let slashes = 0;
  while (body[at - 1 - slashes] === BACKSLASH) slashes++;
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

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FacequeueError('invalid_request', 'the body is not UTF-8');
  }
}

function parse(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson();
  }
  const twice = repeatedName(text);
  if (twice !== null) throw new FacequeueError('invalid_request', `member ${twice} is given twice`);
  return value;
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
