/** Bodies that bring items: JSON, or NDJSON that is read while it arrives. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NewItem } from '@facequeue/queue';
import { FacequeueError, MAX_NDJSON_BYTES, MAX_NDJSON_LINES } from '@facequeue/schema';
import { bodyChunks } from '../body/body-chunks.ts';
import type { BodyMemory } from '../body/body-memory.ts';
import { type Line, LineSplitter } from '../body/lines.ts';
import { bodyForm } from '../body/media-type.ts';
import { receiveBody } from '../body/receive-body.ts';
import { bodyCap } from '../body/size.ts';
import { hasBody, statedLength } from '../http/content-length.ts';
import { type BatchAppender, SEND_EVERY_MS } from './batch-appender.ts';
import { itemFrom } from './item.ts';
import { splitItems } from './json-items.ts';

/** What a body of lines holds of the body memory as long as it is read: a chunk for the queue and a piece from the network. */
const LINES_RESERVE = (4 << 20) + (1 << 17);

export interface ItemLimits {
  maxImageBytes: number;
  /** For a JSON body, and for each megabyte of lines. */
  timeoutMs: number;
}

/** What the headers say of a body, checked; the most bytes it may have. */
export interface AnnouncedItems {
  form: 'lines' | 'json' | 'none';
  bytes: number;
}

/**
 * Judges a body by its headers, before any of it is read.
 * @throws unsupported_media_type, body_too_large
 */
export function announcedItems(request: IncomingMessage, maxImageBytes: number): AnnouncedItems {
  if (!hasBody(request)) return { form: 'none', bytes: 0 };
  const form = bodyForm(request, ['lines', 'json']);
  const cap = form === 'lines' ? MAX_NDJSON_BYTES : bodyCap('json', maxImageBytes);
  const stated = statedLength(request);
  if (stated !== null && stated > cap) throw tooMuch(form, cap);
  return { form, bytes: stated ?? cap };
}

/**
 * Receives a JSON body and hands `use` its members, with an empty list of items, and what reads the items themselves. The body memory
 * holds the bytes until `use` is done.
 * @throws invalid_request, body_too_large, request_timeout, queue_full (no body memory), ClientDisconnected, what `use` throws
 */
export async function withJsonItems<T>(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes }: AnnouncedItems,
  bodyMemory: BodyMemory,
  { maxImageBytes, timeoutMs }: ItemLimits,
  use: (members: unknown, read: (appender: BatchAppender) => Promise<void>) => Promise<T>,
): Promise<T> {
  using lease = bodyMemory.take(bytes);
  const body = await receiveBody(request, response, bytes, timeoutMs, () => tooMuch('json', bytes));
  lease.keep(body.length);
  if (body.length === 0) throw new FacequeueError('invalid_request', 'the body is empty');
  const { members, items } = splitItems(body);
  return await use(members, async (appender) => {
    for (const [i, text] of items.entries()) {
      await appender.add(itemFrom({ number: i + 1, text }, maxImageBytes), text.length);
    }
    await appender.flush();
  });
}

/**
 * Reads lines as they arrive and puts their items into `appender`: one line and one chunk are in memory at a time.
 * @param signal ends it
 * @throws body_too_large, request_timeout, queue_full, unavailable, ClientDisconnected, what the appender throws
 */
export async function readLines(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes }: AnnouncedItems,
  bodyMemory: BodyMemory,
  { maxImageBytes, timeoutMs }: ItemLimits,
  appender: BatchAppender,
  signal: AbortSignal,
): Promise<void> {
  const reserve = Math.min(bytes, LINES_RESERVE);
  using lease = bodyMemory.take(reserve);
  const splitter = new LineSplitter(bodyCap('json', maxImageBytes));
  const take = async (lines: Line[]) => {
    for (const line of lines) {
      if (line.number > MAX_NDJSON_LINES) throw tooManyLines();
      const item = itemFrom(line, maxImageBytes);
      await appender.add(item, heldBy(item, line));
    }
  };
  const tooLarge = () => tooMuch('lines', bytes);
  const limits = { cap: bytes, tooLarge, timeoutMs, idleMs: SEND_EVERY_MS, signal };
  for await (const piece of bodyChunks(request, response, limits)) {
    await take(splitter.push(piece));
    // A line larger than a chunk is held alone.
    await appender.makeRoom(splitter.held);
    await appender.pause();
    lease.keep(Math.max(reserve, splitter.held + appender.held));
  }
  await take(splitter.end());
  await appender.flush();
}

/** Bytes: an image is a view of its line. */
function heldBy({ content }: NewItem, line: Line): number {
  if (content.kind === 'inline' && 'text' in line) return line.text.length;
  return content.kind === 'url' ? content.url.length : 0;
}

function tooMuch(form: 'lines' | 'json', cap: number): FacequeueError {
  const detail =
    form === 'lines'
      ? `the body may have ${cap} bytes at most: append the rest to an open batch`
      : `a JSON body may have ${cap} bytes at most: send application/x-ndjson, an item a line`;
  return new FacequeueError('body_too_large', detail);
}

function tooManyLines(): FacequeueError {
  return new FacequeueError(
    'body_too_large',
    `the body may have ${MAX_NDJSON_LINES} lines at most: append the rest to an open batch`,
  );
}
