import { CONSTANTS } from '@facequeue/queue/storage';
import {
  type AuditContext,
  type Bytes,
  checkOwners,
  countWithFlow,
  inChunks,
  listOf,
  namesOf,
  setOf,
  streamOf,
  textBytes,
} from './context.ts';
import { groupJobs, type JobSummary } from './jobs.ts';

const COUNTS = ['total', 'queued', 'processing', 'succeeded', 'failed', 'canceled', 'ended'] as const;
const OVER = ['done', 'failed'];

export interface BatchesFound extends Bytes {
  /** Bytes of the images of items without a record, by the id their jobs will have. */
  images: Map<string, number>;
  ids: Set<string>;
  /** Bytes of those images by flow. */
  flowBytes: Map<string, number>;
  /** Those whose lanes need no tokens. */
  stopped: Set<string>;
}

/** An item that waits in a lane: its id, its name, and the bytes of an image sent with it. See append-batch.lua. */
interface PendingItem {
  j: string;
  n: string;
  b?: number;
}

type Batch = Record<string, string>;

/**
 * Checks the invariants of the queue's batch/lib.lua.
 * @param webhooks ids of jobs and batches with a webhook yet to deliver
 */
export async function checkBatches(
  context: AuditContext,
  jobs: Map<string, JobSummary>,
  webhooks: Set<string>,
): Promise<BatchesFound> {
  const { redis, keys, check, stats } = context;
  const ids = new Set(namesOf(context, keys.batch));
  const found: BatchesFound = {
    blobBytes: 0,
    resultBytes: 0,
    images: new Map(),
    flowBytes: new Map(),
    ids,
    stopped: new Set(),
  };
  const itemsOf = groupJobs(jobs, 'batch');
  let items = 0;
  await inChunks(ids, async (id) => {
    const batch = await redis.hgetall(keys.batch(id));
    if (batch['stopped']) found.stopped.add(id);
    const lane = (await listOf(context, keys.lane(`batch:${id}`))).map((text) => JSON.parse(text) as PendingItem);
    items += lane.length;
    const flow = batch['flow'] ?? batch['owner'] ?? '';
    for (const { j, b } of lane) {
      if (b === undefined) continue;
      found.images.set(j, b);
      found.blobBytes += b;
      found.flowBytes.set(flow, (found.flowBytes.get(flow) ?? 0) + b);
    }
    found.resultBytes += Number(batch['resultBytes']);
    countWithFlow(context, Number(batch['resultBytes']), batch['resultEpoch'], flow);
    await checkItems(context, id, batch, lane, itemsOf.get(id) ?? []);
    await checkState(context, id, batch, webhooks);
    check('batch', id, 'scheduled for the sweep', true, (await redis.zscore(keys.due, `batch-${id}`)) !== null);
  });
  for (const key of [keys.names, keys.results, keys.active]) checkOwners(context, key, ids);
  checkOwners(context, (id) => keys.lane(`batch:${id}`), ids);
  check('total', 'stats.items', 'count', items, Number(stats['items'] ?? 0));
  return found;
}

/** Counts, results, lane, active jobs, names and charge of one batch. */
async function checkItems(
  context: AuditContext,
  id: string,
  batch: Batch,
  lane: PendingItem[],
  own: [string, JobSummary][],
): Promise<void> {
  const { keys } = context;
  const is = (property: string, expected: string | number | boolean, found: string | number | boolean) =>
    context.check('batch', id, property, expected, found);
  const count = Object.fromEntries(COUNTS.map((name) => [name, Number(batch[name])])) as Record<
    (typeof COUNTS)[number],
    number
  >;
  for (const [name, value] of Object.entries(count)) if (value < 0) is(name, '0 or more', value);
  is('total', count.queued + count.processing + count.ended, count.total);
  is('ended', count.succeeded + count.failed + count.canceled, count.ended);
  const active = (await setOf(context, keys.active(id))).sort();
  is(
    'active jobs',
    own
      .map(([job]) => job)
      .sort()
      .join(),
    active.join(),
  );
  const recorded = (status: string) => own.filter(([, job]) => job.status === status).length;
  is('queued', lane.length + recorded('queued'), count.queued);
  is('processing', recorded('processing'), count.processing);

  const results = await readResults(context, id);
  // Items of an erased batch that had not run are counted and not listed.
  if (!batch['erased']) {
    is('results listed', count.ended, results.listed);
    is('results in order', true, results.inOrder);
    for (const status of ['succeeded', 'failed', 'canceled'] as const)
      is(status, results.byStatus.get(status) ?? 0, count[status]);
  }
  const all = [...results.jobs, ...lane.map((item) => item.j), ...active];
  const twice = all.sort().filter((item, i) => item === all[i + 1]);
  is('duplicate items', '', twice.join());

  const names = await setOf(context, keys.names(id));
  const nameBytes = names.reduce((sum, name) => sum + Buffer.byteLength(name) + CONSTANTS.NAME_OVERHEAD_BYTES, 0);
  is('nameBytes', nameBytes, Number(batch['nameBytes'] ?? 0));
  if (batch['closedAt']) is('names kept after closing', 0, names.length);
  const charge =
    CONSTANTS.BATCH_OVERHEAD_BYTES +
    textBytes(batch, ['options', 'moreOptions', 'listing', 'output', 'webhookUrl']) +
    results.bytes +
    nameBytes;
  is('resultBytes', charge, Number(batch['resultBytes']));
}

/** What the list of a batch's results holds, in sum. */
async function readResults(context: AuditContext, id: string) {
  const found = { listed: 0, inOrder: true, bytes: 0, jobs: [] as string[], byStatus: new Map<string, number>() };
  for await (const entry of streamOf(context, context.keys.results(id))) {
    found.listed += 1;
    if (entry.id !== `${found.listed}-0`) found.inOrder = false;
    found.bytes += entryBytes(entry.fields);
    const job = String(entry.fields.get('j') ?? '');
    if (job) found.jobs.push(job);
    const status = String(entry.fields.get('s'));
    found.byStatus.set(status, (found.byStatus.get(status) ?? 0) + 1);
  }
  return found;
}

/** Status and time are part of the overhead. */
function entryBytes(fields: Map<string, Buffer>): number {
  let bytes: number = CONSTANTS.RESULT_OVERHEAD_BYTES;
  for (const [name, value] of fields) if (name !== 's' && name !== 't') bytes += value.length;
  return bytes;
}

/** State, tasks and webhook of one batch agree. */
async function checkState(
  { redis, keys, check }: AuditContext,
  id: string,
  batch: Batch,
  webhooks: Set<string>,
): Promise<void> {
  const is = (property: string, expected: string | boolean | undefined, found: string | boolean | undefined) =>
    check('batch', id, property, expected, found);
  const { state, closedAt, finishedAt, listStatus, writeStatus, stopped, webhookStatus } = batch;
  const allEnded = batch['total'] === batch['ended'];
  const unwritten = writeStatus !== undefined && !OVER.includes(writeStatus);
  const done = closedAt !== undefined && allEnded && !unwritten;
  is('finished', done, finishedAt !== undefined);
  is('has an expiry', finishedAt !== undefined, batch['expiresAt'] !== undefined);
  if (batch['erased']) is('kept although erased', false, finishedAt !== undefined);
  const open = state === 'building' || state === 'open';
  const listing = listStatus !== undefined && !OVER.includes(listStatus);
  if (!open) is('closed', !listing, closedAt !== undefined);
  is('state', stopped ? 'canceled' : finishedAt ? 'finished' : closedAt ? 'running' : state, state);

  const [list, write] = await Promise.all(
    ['list', 'write'].map(async (task) => (await redis.zscore(keys.tasks, `${task} ${id}`)) !== null),
  );
  is('task to list', listing && state !== 'building', list);
  is('task to write its output', unwritten && closedAt !== undefined && allEnded, write);
  if (webhookStatus) is('finished, by its webhook', webhookStatus !== 'waiting', finishedAt !== undefined);
  is('webhook to deliver', webhookStatus === 'pending', webhooks.has(id));
}
