import { FacequeueError } from '@facequeue/schema/errors';
import type { Image } from '../detection.ts';

/** An image of a batch, with an id of the caller's choice that is unique in the batch. */
export type BatchItem = { id?: string } & Image;

/** An item with an id, so that it may be sent twice. */
export type NamedItem = BatchItem & { id: string };

/** An item as JSON. */
export type ItemJson = { id?: string } & ({ url: string } | { img: string });

/** @throws invalid_request for something that is not an item, so that no image is skipped unnoticed */
export async function itemJson(item: BatchItem): Promise<ItemJson> {
  const id = item.id === undefined ? {} : { id: item.id };
  if ('url' in item) return { ...id, url: item.url };
  if ('base64' in item) return { ...id, img: item.base64 };
  if ('bytes' in item) return { ...id, img: base64Of(await bytesOf(item.bytes)) };
  throw new FacequeueError('invalid_request', 'an item has one of url, bytes and base64');
}

/**
 * Gives every item an id, so that requests may be repeated. Items without one are named by their number, from 1.
 * @param prefix goes before the number
 * @throws invalid_request when only some items have ids: a number could be the id of another item
 */
export async function* namedItems(
  items: Iterable<BatchItem> | AsyncIterable<BatchItem>,
  prefix: string,
): AsyncGenerator<NamedItem, void> {
  let number = 0;
  let unnamed = false;
  for await (const item of items) {
    number += 1;
    if (number === 1) unnamed = item.id === undefined;
    if (unnamed !== (item.id === undefined)) {
      throw new FacequeueError('invalid_request', `item ${number}: either all items have an id or none has`);
    }
    yield { ...item, id: item.id ?? `${prefix}${number}` };
  }
}

async function bytesOf(bytes: Uint8Array | ArrayBuffer | Blob): Promise<Uint8Array> {
  if (bytes instanceof Uint8Array) return bytes;
  return new Uint8Array(bytes instanceof ArrayBuffer ? bytes : await bytes.arrayBuffer());
}

/** Bytes per call of `btoa`: few enough for the arguments of a call, and a multiple of three, so that the results can be joined. */
const SLICE_BYTES = 0x8000 - (0x8000 % 3);

/** Base64 with padding. */
export function base64Of(bytes: Uint8Array): string {
  // Where it exists, Buffer is 80 times as fast as btoa.
  if (globalThis.Buffer) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return base64ByBtoa(bytes);
}

/** The way that works in browsers. */
export function base64ByBtoa(bytes: Uint8Array): string {
  const slices: string[] = [];
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    slices.push(btoa(String.fromCharCode(...bytes.subarray(at, at + SLICE_BYTES))));
  }
  return slices.join('');
}
