import type { BatchItem } from '@facequeue/client';
import { FacequeueError, isFacequeueError, MAX_NDJSON_BYTES, readItemId } from '@facequeue/schema';
import { readImage } from '../detect/read-image.ts';
import type { Entry } from './entries.ts';

/** Largest file that fits into a request as base64, with room for its name, bytes. The service's own limit is mostly lower. */
const MAX_FILE_BYTES = Math.floor((MAX_NDJSON_BYTES - 8192) / 4) * 3;

/** An item to send, or why it cannot be sent. */
export type Reading = { item: BatchItem & { id: string } } | { id: string; error: FacequeueError };

/** Makes a batch item of an entry; reads the bytes of a file. */
export async function readEntry(entry: Entry): Promise<Reading> {
  const { id } = entry;
  try {
    readItemId({ id });
    if (entry.kind === 'url') return { item: { id, url: entry.url } };
    if (entry.kind === 'unreadable') throw new FacequeueError('source_unreachable', entry.detail);
    return { item: { id, bytes: await readImage(entry.path, MAX_FILE_BYTES) } };
  } catch (error) {
    if (!isFacequeueError(error)) throw error;
    return { id, error };
  }
}
