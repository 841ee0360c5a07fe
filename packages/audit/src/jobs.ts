import { QUEUE_NAMES } from '@facequeue/schema';
import {
  type AuditContext,
  type Bytes,
  countWithFlow,
  inChunks,
  membersOf,
  namesOf,
  readAtomically,
} from './context.ts';

/** What the checks of batches, cameras and lanes need of a record. */
export interface JobSummary {
  status: string;
  queue: string;
  flow: string;
  attempts: number;
  blobBytes: number;
  batch: string | undefined;
  camera: string | undefined;
  /** What BullMQ knows it by if not by its id: a lane token, or the id of another job. Stored as `ticket`. */
  deliveryId: string | undefined;
}

export interface JobsFound extends Bytes {
  jobs: Map<string, JobSummary>;
  byStatus: Record<string, number>;
}

/** Fields of a record without those that may be large. */
const FIELDS = [
  'status',
  'queue',
  'batch',
  'camera',
  'ticket',
  'owner',
  'flow',
  'attempts',
  'blobBytes',
  'resultBytes',
  'resultEpoch',
  'idempotency',
  'webhookStatus',
  'finishedAt',
] as const;

/** Records by their batch or camera, those of neither left out. */
export function groupJobs(jobs: Map<string, JobSummary>, by: 'batch' | 'camera'): Map<string, [string, JobSummary][]> {
  const groups = new Map<string, [string, JobSummary][]>();
  for (const entry of jobs) {
    const name = entry[1][by];
    if (name === undefined) continue;
    const group = groups.get(name);
    if (group) group.push(entry);
    else groups.set(name, [entry]);
  }
  return groups;
}

export const isLive = (status: string) => status === 'queued' || status === 'processing';

/**
 * Checks the invariants of the queue's job/lib.lua.
 * @param webhooks ids of jobs and batches with a webhook yet to deliver
 */
export async function checkJobs(context: AuditContext, webhooks: Set<string>): Promise<JobsFound> {
  const { keys, check, stats } = context;
  const found: JobsFound = { jobs: new Map(), byStatus: {}, blobBytes: 0, resultBytes: 0 };
  const reserved = new Map<string, string>();
  const processing = new Map<string, number>();
  await inChunks(namesOf(context, keys.job), async (id) => {
    const { record, queuedIn, due, blob, result } = await readJob(context, id);
    const { status = 'none', queue = 'none', batch, camera, ticket: deliveryId, idempotency, webhookStatus } = record;
    const blobBytes = Number(record.blobBytes);
    const live = isLive(status);
    const { owner = '', flow = owner, attempts } = record;
    found.jobs.set(id, { status, queue, flow, attempts: Number(attempts), blobBytes, batch, camera, deliveryId });
    found.byStatus[status] = (found.byStatus[status] ?? 0) + 1;
    found.blobBytes += blobBytes;
    found.resultBytes += Number(record.resultBytes);
    countWithFlow(context, Number(record.resultBytes), record.resultEpoch, flow);
    if (status === 'processing') processing.set(queue, (processing.get(queue) ?? 0) + 1);
    if (idempotency) reserved.set(idempotency, id);

    const is = (property: string, expected: boolean | number, value: boolean | number) =>
      check('job', id, property, expected, value);
    check('job', id, 'queue it waits in', status === 'queued' ? queue : '', queuedIn.join());
    is('scheduled for the sweep', true, due);
    is('bytes of its image', blobBytes, blob);
    is('bytes of its result', Number(record.resultBytes), result);
    if (!live) is('image bytes kept after its end', 0, blobBytes);
    // The record of an item is erased in the script that ends it.
    if (batch) is('item kept after its end', false, !live);
    if (webhookStatus) is('webhook waits for its end', live, webhookStatus === 'waiting');
    is('webhook to deliver', webhookStatus === 'pending', webhooks.has(id));
    is('has an end time', !live, record.finishedAt !== undefined);
  });
  await checkQueued(context, found.jobs);
  await checkReservations(context, reserved);
  const counted = Object.keys(stats).flatMap((field) =>
    field.startsWith(PROCESSING) ? field.slice(PROCESSING.length) : [],
  );
  for (const queue of new Set([...processing.keys(), ...counted])) {
    const field = PROCESSING + queue;
    check('total', `stats.${field}`, 'count', processing.get(queue) ?? 0, Number(stats[field] ?? 0));
  }
  return found;
}

const PROCESSING = 'processing:';

/** A record and what belongs to it, as they are at one moment. */
async function readJob({ redis, keys }: AuditContext, id: string) {
  const [values, ...rest] = await readAtomically(
    redis,
    ['hmget', keys.job(id), ...FIELDS],
    ...QUEUE_NAMES.map((queue) => ['zscore', keys.waiting(queue), id]),
    ['zscore', keys.due, id],
    ['strlen', keys.blob(id)],
    ['hstrlen', keys.job(id), 'result'],
    ['hstrlen', keys.job(id), 'details'],
  );
  const scores = rest.splice(0, QUEUE_NAMES.length);
  const [due, blob, result, details] = rest as [string | null, number, number, number];
  const record: Partial<Record<(typeof FIELDS)[number], string>> = {};
  FIELDS.forEach((field, i) => {
    const value = (values as (string | null)[])[i];
    if (value) record[field] = value;
  });
  return {
    record,
    queuedIn: QUEUE_NAMES.filter((_, i) => scores[i] !== null),
    due: due !== null,
    blob,
    result: result + details,
  };
}

async function checkQueued(context: AuditContext, jobs: Map<string, JobSummary>): Promise<void> {
  for (const queue of namesOf(context, context.keys.waiting)) {
    for (const id of (await membersOf(context, context.keys.waiting(queue))).keys())
      context.check('job', id, `waits in ${queue}, has a record`, true, jobs.has(id));
  }
}

/** @param reserved idempotency keys by the records that name them; emptied */
async function checkReservations(context: AuditContext, reserved: Map<string, string>): Promise<void> {
  const { redis, keys, check } = context;
  await inChunks(namesOf(context, keys.reservation), async (name) => {
    const [holder] = ((await redis.get(keys.reservation(name))) ?? '').split(' ');
    check('reservation', name, 'job', reserved.get(name), holder);
    reserved.delete(name);
  });
  for (const [name, id] of reserved) check('job', id, `reservation ${name}`, true, false);
}
