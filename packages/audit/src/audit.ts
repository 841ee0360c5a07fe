import { openConnection } from '@facequeue/queue/storage';
import type { Redis } from 'ioredis';
import { checkBatches } from './batches.ts';
import { checkCameras } from './cameras.ts';
import { type AuditContext, checkOwner, inChunks, membersOf, namesOf, openContext } from './context.ts';
import type { Finding } from './finding.ts';
import { checkFlowBytes, checkFlowResults, checkFlows } from './flows.ts';
import { checkJobs } from './jobs.ts';
import { checkLanes } from './lanes.ts';
import { auditLive } from './live.ts';
import { checkWebhooks } from './webhooks.ts';

export interface AuditReport {
  /** What is wrong; empty when every counter and every list agrees with the records. */
  findings: Finding[];
  /** With `live`, differences in things that were changing while they were read, probably not faults. Otherwise empty. */
  unsettled: Finding[];
  /** Records by status. */
  jobs: Record<string, number>;
  /** Every key under the prefix except BullMQ's short-lived marks, sorted. */
  keys: string[];
}

export interface AuditOptions {
  /**
   * Whether processes are running. The audit is then repeated up to three times within a few seconds. It reports a difference only when
   * every pass found it in something that did not change during the pass.
   */
  live?: boolean;
}

/**
 * Checks that the counters, lists and schedules of an installation agree with its records: the invariants stated in the queue's
 * Lua libraries. Reads only, in steps that take Redis well under a millisecond each. It scans all keys.
 * Without `live` it expects a Redis at rest: anything that changes meanwhile may be reported although nothing is wrong with it.
 * @param connection the URL of Redis, or an open connection
 * @param prefix the installation's, such as `{fq}`
 * @throws unavailable when Redis cannot be reached
 * @example
 * const { findings } = await audit('redis://127.0.0.1:6379', '{fq}', { live: true });
 * for (const { text } of findings) console.log(text);
 */
export async function audit(
  connection: string | Redis,
  prefix: string,
  { live = false }: AuditOptions = {},
): Promise<AuditReport> {
  if (typeof connection === 'string') {
    await using opened = await openConnection(connection, 'gateway', () => {});
    return await audit(opened.redis, prefix, { live });
  }
  const pass = () => auditPass(connection, prefix);
  return live ? await auditLive(connection, prefix, pass) : { ...(await pass()), unsettled: [] };
}

async function auditPass(redis: Redis, prefix: string): Promise<Omit<AuditReport, 'unsettled'>> {
  const findings: Finding[] = [];
  const context = await openContext(redis, prefix, findings);
  const webhooks = await checkWebhooks(context);
  const found = await checkJobs(context, webhooks.ids);
  const batches = await checkBatches(context, found.jobs, webhooks.ids);
  const cameras = await checkCameras(context, found.jobs);
  const tokens = await checkLanes(context, found.jobs, [
    ...[...batches.ids].map((id) => ({ name: `batch:${id}`, stopped: batches.stopped.has(id) })),
    ...[...cameras.names].map((name) => ({ name: `camera:${name}`, stopped: false })),
  ]);
  await checkFlows(context, found.jobs);
  await checkFlowBytes(context, found.jobs, batches.flowBytes);
  await checkFlowResults(context);
  await checkImages(context, found.jobs, batches.images);
  await checkSchedule(context, [
    found.jobs,
    tokens,
    prefixed('batch-', batches.ids),
    prefixed('camera-', cameras.names),
  ]);
  const sums = {
    blobBytes: found.blobBytes + batches.blobBytes,
    resultBytes: found.resultBytes + webhooks.resultBytes + batches.resultBytes + cameras.resultBytes,
  };
  for (const [name, sum] of Object.entries(sums))
    context.check('total', `stats.${name}`, 'bytes', sum, Number(context.stats[name] ?? 0));
  return { findings, jobs: found.byStatus, keys: context.allKeys };
}

/** Every image belongs to a job or to a pending item of a batch, and has its size. */
async function checkImages(
  context: AuditContext,
  jobs: { has(id: string): boolean },
  items: Map<string, number>,
): Promise<void> {
  const { redis, keys, check } = context;
  for (const id of namesOf(context, keys.blob)) checkOwner(context, keys.blob(id), jobs.has(id) || items.has(id));
  await inChunks(items, async ([id, bytes]) => {
    check('job', id, 'bytes of its image', bytes, await redis.strlen(keys.blob(id)));
  });
}

/** Everything scheduled for the sweep, and every task, belongs to something. */
async function checkSchedule(context: AuditContext, owners: { has(name: string): boolean }[]): Promise<void> {
  const { keys, check } = context;
  const exists = (name: string) => owners.some((names) => names.has(name));
  for (const name of (await membersOf(context, keys.due)).keys())
    check('schedule', name, 'has a record', true, exists(name));
  for (const task of (await membersOf(context, keys.tasks)).keys())
    check('schedule', task, 'its batch has a record', true, exists(`batch-${task.split(' ')[1]}`));
}

const prefixed = (head: string, names: Set<string>) => new Set([...names].map((name) => head + name));
