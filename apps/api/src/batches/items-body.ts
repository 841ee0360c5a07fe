/** Request bodies with items: JSON, or NDJSON that is read while it arrives. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NewItem } from '@facequeue/queue';
import { FacequeueError, MAX_NDJSON_BYTES, MAX_NDJSON_LINES } from '@facequeue/schema';
import { bodyCap } from '../body/body-cap.ts';
import { bodyChunks } from '../body/body-chunks.ts';
import type { BodyMemory } from '../body/body-memory.ts';
import { type Line, LineSplitter } from '../body/lines.ts';
import { bodyForm } from '../body/media-type.ts';
import { type BodySize, receiveBody } from '../body/receive-body.ts';
import type { UploadLimits } from '../body/upload-limits.ts';
import { hasBody, statedLength } from '../http/content-length.ts';
import { type BatchAppender, FLUSH_EVERY_MS } from './batch-appender.ts';
import { itemFrom } from './item.ts';
import { splitItems } from './json-items.ts';

/** Body memory that NDJSON may come to while it is read, bytes: a chunk for the queue, and one from the network. */
const LINES_EXPECTED = (4 << 20) + (1 << 17);

/** A body as its headers describe it, checked. */
export interface AnnouncedItems extends BodySize {
  form: 'lines' | 'json' | 'none';
}

/**
 * Checks a body by its headers, before any of it is read.
 * @throws unsupported_media_type, body_too_large
 */
export function announcedItems(request: IncomingMessage, maxImageBytes: number): AnnouncedItems {
  if (!hasBody(request)) return { form: 'none', stated: 0, cap: 0 };
  const form = bodyForm(request, ['lines', 'json']);
  const cap = form === 'lines' ? MAX_NDJSON_BYTES : bodyCap('json', maxImageBytes);
  const stated = statedLength(request);
  if (stated !== null && stated > cap) throw bodyTooLarge(form, cap);
  return { form, stated, cap };
}

/**
 * Receives a JSON body and passes to `use` its members, with an empty list of items, and a function that appends the items themselves.
 * The body's memory is reserved until `use` is done.
 * @throws invalid_request, body_too_large, request_timeout, queue_full (no body memory), ClientDisconnected, what `use` throws
 */
export async function withJsonItems<T>(
  request: IncomingMessage,
  response: ServerResponse,
  { stated, cap }: AnnouncedItems,
  memory: BodyMemory,
  limits: UploadLimits,
  use: (members: unknown, read: (appender: BatchAppender) => Promise<void>) => Promise<T>,
): Promise<T> {
  const tooLarge = () => bodyTooLarge('json', cap);
  return receiveBody(request, response, { stated, cap, memory, pace: limits, tooLarge }, async (body) => {
    if (body.length === 0) throw new FacequeueError('invalid_request', 'the body is empty');
    const { members, items } = splitItems(body);
    return await use(members, async (appender) => {
      for (const [i, text] of items.entries()) {
        await appender.add(itemFrom({ number: i + 1, text }, limits), text.length);
      }
      await appender.flush();
    });
  });
}

/**
 * Appends the items of lines as they arrive: one line and one chunk are in memory at a time.
 * @param signal stops receiving
 * @throws body_too_large, request_timeout, queue_full, unavailable, ClientDisconnected, what the appender throws
 */
export async function readLines(
  request: IncomingMessage,
  response: ServerResponse,
  { stated, cap }: AnnouncedItems,
  memory: BodyMemory,
  { flow, maxImageBytes, timeoutMs, sources }: UploadLimits,
  appender: BatchAppender,
  signal: AbortSignal,
): Promise<void> {
  const bytes = stated ?? cap;
  using reservation = memory.reserve(flow, Math.min(bytes, LINES_EXPECTED));
  const splitter = new LineSplitter(bodyCap('json', maxImageBytes));
  const append = async (lines: Line[]) => {
    for (const line of lines) {
      if (line.number > MAX_NDJSON_LINES) throw tooManyLines();
      const item = itemFrom(line, { maxImageBytes, sources });
      await appender.add(item, bytesOf(item, line));
    }
  };
  const tooLarge = () => bodyTooLarge('lines', bytes);
  const limits = { cap: bytes, tooLarge, timeoutMs, idleMs: FLUSH_EVERY_MS, signal };
  const resize = (more: number) => reservation.resize(splitter.bufferedBytes + appender.bufferedBytes + more);
  const receive = async (chunk: Buffer) => {
    try {
      resize(chunk.length);
    } catch {
      // What the queue has takes no memory here.
      await appender.flush();
      resize(chunk.length);
    }
  };
  for await (const chunk of bodyChunks(request, response, limits)) {
    await receive(chunk);
    await append(splitter.push(chunk));
    // A line larger than a chunk is buffered alone.
    await appender.makeRoom(splitter.bufferedBytes);
    await appender.idle();
    resize(0);
  }
  await append(splitter.end());
  await appender.flush();
}

/** Bytes that an item keeps in memory: an image is a view of its line. */
function bytesOf({ content }: NewItem, line: Line): number {
  if (content.kind === 'inline' && 'text' in line) return line.text.length;
  return content.kind === 'url' ? content.url.length : 0;
}

function bodyTooLarge(form: 'lines' | 'json', cap: number): FacequeueError {
  const detail =
    form === 'lines'
      ? `the body is larger than ${cap} bytes: append the rest to an open batch`
      : `the body is larger than ${cap} bytes: send application/x-ndjson, one item a line`;
  return new FacequeueError('body_too_large', detail);
}

function tooManyLines(): FacequeueError {
  return new FacequeueError(
    'body_too_large',
    `the body has more than ${MAX_NDJSON_LINES} lines: append the rest to an open batch`,
  );
}
