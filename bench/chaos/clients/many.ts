/** Clients of many images: batches and cameras. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchItem, type BatchResource, type ItemLine, isFacequeueError } from '@facequeue/client';
import type { Sight } from '../ledger.ts';
import { CAMERAS, type Errand } from '../plan/errands.ts';
import { bytesOf, type Caller, persist, persistLong } from './caller.ts';
import { ended } from './single.ts';

type Of<Kind extends Errand['kind']> = Extract<Errand, { kind: Kind }>;

/** When a batch is stopped, ms after its items are in: in the middle of it. */
const STOP_AFTER_MS = 150;

/** Image bytes that surely fit into one JSON body: it may have one image of MAX_IMAGE_BYTES, 20 MB, in base64. */
const BODY_BYTES = 15e6;

/** Items through a batch: each of them ends once, and twice read is read the same. */
export async function runBatch(caller: Caller, { pictures, how }: Of<'batch'>): Promise<void> {
  const { client } = caller;
  const items = pictures.map((picture, i): BatchItem => ({ id: `${i}`, ...bytesOf(caller, picture) }));
  if (how === 'run') {
    // It gets over breaks by itself; begun again, it is another run with batches of its own.
    const lines = await persistLong(caller, 'batch run', (signal) =>
      Array.fromAsync(client.batchResults(items, { signal })),
    );
    return checkLines(caller, 'a run', pictures, lines, false);
  }
  const { id } = await persist(caller, 'create a batch', (signal) =>
    client.createBatch(how === 'whole' ? { items: inOneBody(caller, pictures, items) } : { open: true }, { signal }),
  );
  if (how !== 'whole') {
    await append(caller, id, items.slice(0, items.length >> 1));
    await append(caller, id, items.slice(items.length >> 1));
  }
  if (how === 'open') await persist(caller, 'close a batch', (signal) => client.closeBatch(id, { signal }));
  if (how === 'canceled' || how === 'erased') await sleep(STOP_AFTER_MS);
  if (how === 'erased') {
    await persist(caller, 'erase a batch', (signal) => client.eraseBatch(id, { signal }));
    return expectBatchGone(caller, id);
  }
  if (how === 'canceled') await persist(caller, 'cancel a batch', (signal) => client.cancelBatch(id, { signal }));

  const lines = await read(caller, id, true);
  checkLines(caller, `batch ${id}`, pictures, lines, how === 'canceled');
  const batch = await persistLong(caller, 'look at a batch', () => finished(caller, id));
  checkCounts(caller, batch, lines);
  const again = await read(caller, id, false);
  if (JSON.stringify(again) !== JSON.stringify(lines))
    caller.ledger.problem(`batch ${id} reads otherwise the second time`);
}

/** The items as one JSON body can have them: pictures that are too large for it together are named by their URLs. */
function inOneBody(caller: Caller, pictures: readonly number[], items: BatchItem[]): BatchItem[] {
  const bytes = pictures.reduce((sum, picture) => sum + caller.pictures[picture]!.bytes.length, 0);
  if (bytes < BODY_BYTES) return items;
  return pictures.map((picture, i) => ({ id: `${i}`, url: caller.pictures[picture]!.url }));
}

/** A burst of frames of one camera. */
export async function postFrames(caller: Caller, { pictures, camera }: Of<'frames'>): Promise<void> {
  const { client, ledger } = caller;
  const keep = camera % 2 === 0 ? 'latest' : 'all';
  const ids: string[] = [];
  for (const picture of pictures) {
    // A frame that may not have been taken is posted again: it is another frame then.
    const { id } = await persist(caller, 'frame', (signal) =>
      client.postFrame(cameraName(camera), bytesOf(caller, picture), { keep }, { signal }),
    );
    ledger.promised(id, 'frame', picture, keep === 'latest' ? ['succeeded', 'canceled'] : ['succeeded']);
    ids.push(id);
  }
  for (const id of ids) {
    try {
      ledger.sawJob('wait', await ended(caller, id));
    } catch (error) {
      // Its record is kept for a minute only, and the way to it may have been dead for as long.
      if (!isFacequeueError(error) || error.code !== 'gone') throw error;
    }
  }
}

export const cameraName = (camera: number) => `camera-${camera}`;

/**
 * Follows all cameras until `signal` aborts; what it sees of each must be in order and without doubles.
 * @returns what it has seen, by job
 */
export function followCameras(
  caller: Caller,
  signal: AbortSignal,
): { seen: Map<string, Sight>; done: Promise<unknown> } {
  const seen = new Map<string, Sight>();
  const follow = async (camera: string) => {
    let after = 'start';
    while (!signal.aborted) {
      try {
        for await (const frame of caller.client.frames(camera, { after, signal })) {
          if (after !== 'start' && Number(frame.cursor) <= Number(after))
            caller.ledger.problem(`${camera} showed ${frame.cursor} after ${after}`);
          after = frame.cursor;
          if (seen.has(frame.job)) caller.ledger.problem(`${camera} showed ${frame.job} twice`);
          const { status, finished_at: finishedAt, result, error } = frame;
          seen.set(frame.job, { status, finishedAt, result, error: error?.code });
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!isFacequeueError(error) || error.code !== 'unavailable') throw error;
        caller.tally.failedCalls += 1;
      }
    }
  };
  return { seen, done: Promise.all([...Array(CAMERAS).keys()].map((camera) => follow(cameraName(camera)))) };
}

async function append(caller: Caller, id: string, items: BatchItem[]): Promise<void> {
  const totals = await persistLong(caller, 'append', (signal) => caller.client.appendItems(id, items, { signal }));
  // Skipped are those that an earlier try had brought in.
  if (totals.accepted + totals.skipped !== items.length || totals.failed > 0)
    caller.ledger.problem(`${items.length} items appended to ${id}: ${JSON.stringify(totals)}`);
}

/** All results of a batch, taken up again where a reading broke off. */
async function read(caller: Caller, id: string, follow: boolean): Promise<ItemLine[]> {
  const lines: ItemLine[] = [];
  await persistLong(caller, 'results', async (signal) => {
    const after = lines.at(-1)?.cursor ?? '';
    for await (const line of caller.client.results(id, { follow, after, signal })) lines.push(line);
  });
  return lines;
}

/** The batch, once it has ended. */
async function finished(caller: Caller, id: string): Promise<BatchResource> {
  for (;;) {
    const batch = await persist(caller, 'look at a batch', (signal) => caller.client.batch(id, { signal }));
    if (batch.finished_at !== null) return batch;
    await sleep(STOP_AFTER_MS);
  }
}

function checkLines(
  { ledger }: Caller,
  what: string,
  pictures: readonly number[],
  lines: readonly ItemLine[],
  canceled: boolean,
): void {
  const left = new Map(pictures.map((picture, i) => [`${i}`, picture]));
  for (const line of lines) {
    const picture = left.get(line.id);
    if (picture === undefined) {
      ledger.endedTwice += 1;
      ledger.problem(`${what}: item ${line.id} ended twice, or was never in it`);
      continue;
    }
    left.delete(line.id);
    if (line.status === 'canceled' && canceled) continue;
    if (line.status === 'canceled') ledger.problem(`${what}: item ${line.id} was canceled`);
    ledger.compare(`${what}, item ${line.id}`, picture, {
      status: line.status,
      result: line.result,
      error: line.error?.code,
    });
  }
  ledger.lost += left.size;
  if (left.size > 0) ledger.problem(`${what}: items ${[...left.keys()]} never ended`);
}

function checkCounts({ ledger }: Caller, { id, counts }: BatchResource, lines: readonly ItemLine[]): void {
  for (const status of ['succeeded', 'failed', 'canceled'] as const) {
    const listed = lines.filter((line) => line.status === status).length;
    if (counts[status] !== listed) ledger.problem(`batch ${id} counts ${counts[status]} ${status}, listed ${listed}`);
  }
  if (counts.queued + counts.processing > 0 || counts.total !== lines.length)
    ledger.problem(`batch ${id} has ended with ${JSON.stringify(counts)}, ${lines.length} results`);
}

async function expectBatchGone(caller: Caller, id: string): Promise<void> {
  try {
    const { status } = await persist(caller, 'look at a batch', (signal) => caller.client.batch(id, { signal }));
    caller.ledger.problem(`batch ${id} was erased and is ${status}`);
  } catch (error) {
    if (!isFacequeueError(error) || error.code !== 'gone') throw error;
  }
}
