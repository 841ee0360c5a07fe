import type { KnownJob } from './jobs.ts';
import { type Bytes, checkOwners, type Look, namesOf, streamOf, textBytes } from './look.ts';

/** As in scripts/lib/batch.lua. */
const BATCH_OVERHEAD = 2048;
const ENTRY_OVERHEAD = 128;
const NAME_OVERHEAD = 64;

const COUNTS = ['total', 'queued', 'processing', 'succeeded', 'failed', 'canceled', 'ended'] as const;
const OVER = ['done', 'failed'];

export interface BatchesFound extends Bytes {
  /** Jobs that images in Redis belong to, besides those that have a record. */
  images: Map<string, number>;
  ids: Set<string>;
  /** Those whose lanes need no turns. */
  stopped: Set<string>;
}

/** An item that waits in a lane: see append-batch.lua. */
interface Waiting {
  j: string;
  n: string;
  b?: number;
}

/**
 * Checks the invariants of scripts/lib/batch.lua.
 * @param delivered ids of webhooks on their way
 */
export async function checkBatches(
  look: Look,
  jobs: Map<string, KnownJob>,
  delivered: Set<string>,
): Promise<BatchesFound> {
  const { redis, prefix, check, stats } = look;
  const ids = new Set(namesOf(look, 'batch'));
  const found: BatchesFound = { blobBytes: 0, resultBytes: 0, images: new Map(), ids, stopped: new Set() };
  let items = 0;
  for (const id of ids) {
    const batch = await redis.hgetall(`${prefix}:batch:${id}`);
    if (batch['stopped']) found.stopped.add(id);
    const lane = (await redis.lrange(`${prefix}:lane:batch:${id}`, 0, -1)).map((text) => JSON.parse(text) as Waiting);
    items += lane.length;
    for (const { j, b } of lane) {
      if (b === undefined) continue;
      found.images.set(j, b);
      found.blobBytes += b;
    }
    found.resultBytes += Number(batch['resultBytes']);
    await checkItems(look, id, batch, lane, jobs);
    await checkStage(look, id, batch, delivered);
    check((await redis.zscore(`${prefix}:due`, `batch-${id}`)) !== null, `batch ${id} is not due`);
  }
  checkOwners(look, ['names', 'results', 'active', 'lane:batch'], ids);
  check(Number(stats['items'] ?? 0) === items, `stats.items is ${stats['items']}, counted ${items}`);
  return found;
}

/** Counts, results, lane, jobs in hand, names and charge of one batch. */
async function checkItems(
  look: Look,
  id: string,
  batch: Record<string, string>,
  lane: Waiting[],
  jobs: Map<string, KnownJob>,
): Promise<void> {
  const { redis, prefix, check } = look;
  const count = Object.fromEntries(COUNTS.map((name) => [name, Number(batch[name])])) as Record<
    (typeof COUNTS)[number],
    number
  >;
  const { total, queued, processing, succeeded, failed, canceled, ended } = count;
  check(
    Object.values(count).every((value) => value >= 0),
    `batch ${id} has counts ${JSON.stringify(count)}`,
  );
  check(total === queued + processing + ended, `batch ${id}: ${total} is not ${queued} + ${processing} + ${ended}`);
  check(
    ended === succeeded + failed + canceled,
    `batch ${id}: ${ended} ended are not ${succeeded} + ${failed} + ${canceled}`,
  );
  const active = (await redis.smembers(`${prefix}:active:${id}`)).sort();
  const own = [...jobs].filter(([, job]) => job.batch === id);
  check(
    active.join() ===
      own
        .map(([job]) => job)
        .sort()
        .join(),
    `batch ${id}: active are ${active}, with a record ${own}`,
  );
  const inHand = (status: string) => own.filter(([, job]) => job.status === status).length;
  check(
    queued === lane.length + inHand('queued'),
    `batch ${id}: queued is ${queued}, counted ${lane.length} + ${inHand('queued')}`,
  );
  check(
    processing === inHand('processing'),
    `batch ${id}: processing is ${processing}, counted ${inHand('processing')}`,
  );

  const results = await streamOf(look, `results:${id}`);
  // What had not run of an erased batch is in no list.
  if (!batch['erased']) {
    check(
      results.length === ended && results.every((result, i) => result.id === `${i + 1}-0`),
      `batch ${id}: ${ended} ended, results are ${results.map((result) => result.id)}`,
    );
    const words = results.map((result) => String(result.fields.get('s')));
    for (const status of ['succeeded', 'failed', 'canceled'] as const) {
      const listed = words.filter((word) => word === status).length;
      check(listed === count[status], `batch ${id}: ${status} is ${count[status]}, listed ${listed}`);
    }
  }
  const known = [
    ...results.map((result) => String(result.fields.get('j') ?? '')).filter(Boolean),
    ...lane.map((item) => item.j),
    ...active,
  ];
  check(new Set(known).size === known.length, `batch ${id} has an item twice: ${known.sort()}`);

  const names = await redis.smembers(`${prefix}:names:${id}`);
  const nameBytes = names.reduce((sum, name) => sum + Buffer.byteLength(name) + NAME_OVERHEAD, 0);
  check(
    nameBytes === Number(batch['nameBytes'] ?? 0),
    `batch ${id}: nameBytes is ${batch['nameBytes']}, counted ${nameBytes}`,
  );
  check(!batch['closedAt'] || names.length === 0, `batch ${id} is closed and keeps names`);
  const entries = results.reduce((sum, { fields }) => sum + entryBytes(fields), 0);
  const charge =
    BATCH_OVERHEAD + textBytes(batch, ['options', 'listing', 'output', 'webhookUrl']) + entries + nameBytes;
  check(
    Number(batch['resultBytes']) === charge,
    `batch ${id}: resultBytes is ${batch['resultBytes']}, counted ${charge}`,
  );
}

/** Status and time are in the overhead. */
function entryBytes(fields: Map<string, Buffer>): number {
  let bytes = ENTRY_OVERHEAD;
  for (const [name, value] of fields) if (name !== 's' && name !== 't') bytes += value.length;
  return bytes;
}

/** What its state, its tasks and its webhook say of each other. */
async function checkStage(
  { redis, prefix, check }: Look,
  id: string,
  batch: Record<string, string>,
  delivered: Set<string>,
): Promise<void> {
  const { state, closedAt, finishedAt, listStatus, writeStatus, stopped, webhookStatus } = batch;
  const allEnded = batch['total'] === batch['ended'];
  const unwritten = writeStatus !== undefined && !OVER.includes(writeStatus);
  const done = closedAt !== undefined && allEnded && !unwritten;
  check(done === (finishedAt !== undefined), `batch ${id} is ${done ? 'done' : 'not done'}, finishedAt ${finishedAt}`);
  check(
    (finishedAt === undefined) === (batch['expiresAt'] === undefined),
    `batch ${id} expires at ${batch['expiresAt']}`,
  );
  check(!(batch['erased'] && finishedAt), `batch ${id} is erased and was kept`);
  const open = state === 'building' || state === 'open';
  const listing = listStatus !== undefined && !OVER.includes(listStatus);
  check(open || listing === !closedAt, `batch ${id} is ${state} and listed (${listStatus}), closed at ${closedAt}`);
  const word = stopped ? 'canceled' : finishedAt ? 'finished' : closedAt ? 'running' : state;
  check(state === word, `batch ${id} is ${state}, should be ${word}`);

  const [list, write] = await Promise.all(
    ['list', 'write'].map(async (kind) => (await redis.zscore(`${prefix}:tasks`, `${kind} ${id}`)) !== null),
  );
  check(
    list === (listing && state !== 'building'),
    `the listing of batch ${id} is ${listStatus}, yet ${list ? 'a' : 'no'} task`,
  );
  const toWrite = unwritten && closedAt !== undefined && allEnded;
  check(write === toWrite, `the output of batch ${id} is ${writeStatus}, yet ${write ? 'a' : 'no'} task`);
  const told = webhookStatus !== undefined && webhookStatus !== 'waiting';
  check(
    webhookStatus === undefined || told === !!finishedAt,
    `batch ${id} is ${state} and its webhook ${webhookStatus}`,
  );
  check((webhookStatus === 'pending') === delivered.has(id), `the webhook of batch ${id} is ${webhookStatus}`);
}
