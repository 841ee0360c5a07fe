/** Clients of many images: batches and cameras. */

import { type BatchItem, type BatchResource, type ItemLine, isFacequeueError } from '@facequeue/client';
import { sleep } from '@facequeue/time';
import type { Observation } from '../expectations.ts';
import { CAMERAS, type Operation } from '../plan/operations.ts';
import { bytesOf, type Caller, retryCall, retryLongCall } from './caller.ts';
import { ended } from './single.ts';

type Of<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>;

/** Delay from the last append to the cancel or erase of a batch, ms: it is half done then. */
const STOP_AFTER_MS = 150;

/** Image bytes that fit into one JSON body, which may hold one image of MAX_IMAGE_BYTES, 20 MB, in base64. */
const BODY_BYTES = 15e6;

/** Runs a batch: each item must end once, and a second reading must be the same. */
export async function runBatch(caller: Caller, { pictures, how }: Of<'batch'>): Promise<void> {
  const { client } = caller;
  const items = pictures.map((picture, i): BatchItem => ({ id: `${i}`, ...bytesOf(caller, picture) }));
  if (how === 'run') {
    // The client resumes by itself. A repeated call is a new run with its own batches.
    const lines = await retryLongCall(caller, 'batch run', (signal) =>
      Array.fromAsync(client.batchResults(items, { signal })),
    );
    return checkLines(caller, 'batchResults', pictures, lines, false);
  }
  const { id } = await retryCall(caller, 'create a batch', (signal) =>
    client.createBatch(how === 'whole' ? { items: inOneBody(caller, pictures, items) } : { open: true }, { signal }),
  );
  if (how !== 'whole') {
    await append(caller, id, items.slice(0, items.length >> 1));
    await append(caller, id, items.slice(items.length >> 1));
  }
  if (how === 'open') await retryCall(caller, 'close a batch', (signal) => client.closeBatch(id, { signal }));
  if (how === 'canceled' || how === 'erased') await sleep(STOP_AFTER_MS);
  if (how === 'erased') {
    await retryCall(caller, 'erase a batch', (signal) => client.eraseBatch(id, { signal }));
    return expectBatchErased(caller, id);
  }
  if (how === 'canceled') await retryCall(caller, 'cancel a batch', (signal) => client.cancelBatch(id, { signal }));

  const lines = await read(caller, id, true);
  checkLines(caller, `batch ${id}`, pictures, lines, how === 'canceled');
  const batch = await retryLongCall(caller, 'read a batch', () => finished(caller, id));
  checkCounts(caller, batch, lines);
  const again = await read(caller, id, false);
  if (JSON.stringify(again) !== JSON.stringify(lines))
    caller.expectations.problem(`batch ${id} reads differently the second time`);
}

/** The items for one JSON body: by URL when their pictures are too large together. */
function inOneBody(caller: Caller, pictures: readonly number[], items: BatchItem[]): BatchItem[] {
  const bytes = pictures.reduce((sum, picture) => sum + caller.pictures[picture]!.bytes.length, 0);
  if (bytes < BODY_BYTES) return items;
  return pictures.map((picture, i) => ({ id: `${i}`, url: caller.pictures[picture]!.url }));
}

/** Posts a burst of frames of one camera. */
export async function postFrames(caller: Caller, { pictures, camera }: Of<'frames'>): Promise<void> {
  const { client, expectations } = caller;
  const keep = camera % 2 === 0 ? 'latest' : 'all';
  const ids: string[] = [];
  for (const picture of pictures) {
    // A frame without an answer is posted again, as another frame.
    const { id } = await retryCall(caller, 'frame', (signal) =>
      client.postFrame(cameraName(camera), bytesOf(caller, picture), { keep }, { signal }),
    );
    expectations.accepted(id, 'frame', picture, keep === 'latest' ? ['succeeded', 'canceled'] : ['succeeded']);
    ids.push(id);
  }
  for (const id of ids) {
    try {
      expectations.observedJob('wait', await ended(caller, id));
    } catch (error) {
      // The record of a frame is kept for a minute only, and the gateways may have been unreachable for longer.
      if (!isFacequeueError(error) || error.code !== 'gone') throw error;
    }
  }
}

export const cameraName = (camera: number) => `camera-${camera}`;

/**
 * Follows all cameras until `signal` aborts. The frames of each must come in order and once.
 * @returns what was observed, by job
 */
export function followCameras(
  caller: Caller,
  signal: AbortSignal,
): { seen: Map<string, Observation>; done: Promise<unknown> } {
  const seen = new Map<string, Observation>();
  const follow = async (camera: string) => {
    let after = 'start';
    while (!signal.aborted) {
      try {
        for await (const frame of caller.client.frames(camera, { after, signal })) {
          if (after !== 'start' && Number(frame.cursor) <= Number(after))
            caller.expectations.problem(`${camera} showed ${frame.cursor} after ${after}`);
          after = frame.cursor;
          if (seen.has(frame.job)) caller.expectations.problem(`${camera} showed ${frame.job} twice`);
          const { status, finished_at: finishedAt, result, error } = frame;
          seen.set(frame.job, { status, finishedAt, result, error: error?.code });
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!isFacequeueError(error) || error.code !== 'unavailable') throw error;
        caller.counts.failedCalls += 1;
      }
    }
  };
  return { seen, done: Promise.all([...Array(CAMERAS).keys()].map((camera) => follow(cameraName(camera)))) };
}

async function append(caller: Caller, id: string, items: BatchItem[]): Promise<void> {
  const totals = await retryLongCall(caller, 'append', (signal) => caller.client.appendItems(id, items, { signal }));
  // Items that an earlier try appended are skipped.
  if (totals.accepted + totals.skipped !== items.length || totals.failed > 0)
    caller.expectations.problem(`${items.length} items appended to ${id}: ${JSON.stringify(totals)}`);
}

/** Reads all results of a batch, and resumes where a reading was interrupted. */
async function read(caller: Caller, id: string, follow: boolean): Promise<ItemLine[]> {
  const lines: ItemLine[] = [];
  await retryLongCall(caller, 'results', async (signal) => {
    const after = lines.at(-1)?.cursor ?? '';
    for await (const line of caller.client.results(id, { follow, after, signal })) lines.push(line);
  });
  return lines;
}

/** Waits for the end of a batch. */
async function finished(caller: Caller, id: string): Promise<BatchResource> {
  for (;;) {
    const batch = await retryCall(caller, 'read a batch', (signal) => caller.client.batch(id, { signal }));
    if (batch.finished_at !== null) return batch;
    await sleep(STOP_AFTER_MS);
  }
}

function checkLines(
  { expectations }: Caller,
  what: string,
  pictures: readonly number[],
  lines: readonly ItemLine[],
  canceled: boolean,
): void {
  const missing = new Map(pictures.map((picture, i) => [`${i}`, picture]));
  for (const line of lines) {
    const picture = missing.get(line.id);
    if (picture === undefined) {
      expectations.endedTwice += 1;
      expectations.problem(`${what}: item ${line.id} ended twice, or does not belong to it`);
      continue;
    }
    missing.delete(line.id);
    if (line.status === 'canceled' && canceled) continue;
    if (line.status === 'canceled') expectations.problem(`${what}: item ${line.id} was canceled`);
    expectations.compare(`${what}, item ${line.id}`, picture, {
      status: line.status,
      result: line.result,
      error: line.error?.code,
    });
  }
  expectations.lost += missing.size;
  if (missing.size > 0) expectations.problem(`${what}: items ${[...missing.keys()]} never ended`);
}

function checkCounts({ expectations }: Caller, { id, counts }: BatchResource, lines: readonly ItemLine[]): void {
  for (const status of ['succeeded', 'failed', 'canceled'] as const) {
    const listed = lines.filter((line) => line.status === status).length;
    if (counts[status] !== listed)
      expectations.problem(`batch ${id} counts ${counts[status]} ${status}, listed ${listed}`);
  }
  if (counts.queued + counts.processing > 0 || counts.total !== lines.length)
    expectations.problem(`batch ${id} has ended with ${JSON.stringify(counts)}, ${lines.length} results`);
}

async function expectBatchErased(caller: Caller, id: string): Promise<void> {
  try {
    const { status } = await retryCall(caller, 'read a batch', (signal) => caller.client.batch(id, { signal }));
    caller.expectations.problem(`batch ${id} was erased and is ${status}`);
  } catch (error) {
    if (!isFacequeueError(error) || error.code !== 'gone') throw error;
  }
}
