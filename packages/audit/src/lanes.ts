import { CONSTANTS } from '@facequeue/queue/storage';
import { type AuditContext, fieldsOf, inChunks } from './context.ts';
import { isLive, type JobSummary } from './jobs.ts';

export interface Lane {
  /** `batch:<id>` or `camera:<name>` */
  name: string;
  /** Its batch is stopped: nothing of it may start, so it needs no tokens. */
  stopped: boolean;
}

/**
 * Checks the invariants of the queue's lane/lib.lua.
 * @param lanes of batches and cameras that exist
 * @returns tokens that no worker has used
 */
export async function checkLanes(
  context: AuditContext,
  jobs: Map<string, JobSummary>,
  lanes: Lane[],
): Promise<Set<string>> {
  const { redis, keys, check } = context;
  const free = new Set<string>();
  const freeByLane = new Map<string, number>();
  const tokens = await fieldsOf(context, keys.laneTokens);
  await inChunks(tokens, async ([token, value]) => {
    const [lane = '', id] = value.split(' ');
    const due = (await redis.zscore(keys.due, token)) !== null;
    check('token', token, 'scheduled for the sweep', id === undefined, due);
    if (id === undefined) {
      free.add(token);
      freeByLane.set(lane, (freeByLane.get(lane) ?? 0) + 1);
      return;
    }
    const job = jobs.get(id);
    check('token', token, `used for ${id}, delivery id of that job`, token, job?.deliveryId);
    const laneOfJob = job?.batch ? `batch:${job.batch}` : job?.camera ? `camera:${job.camera}` : 'jobs';
    check('token', token, `used for ${id}, lane`, laneOfJob, lane);
  });
  for (const [id, { deliveryId, status }] of jobs) {
    if (!deliveryId || !isLive(status)) continue;
    const [, used] = tokens.get(deliveryId)?.split(' ') ?? [];
    check('job', id, `job of its token ${deliveryId}`, id, used);
  }
  await inChunks(lanes, async ({ name, stopped }) => {
    const [stored, length] = await Promise.all([
      redis.hget(
        name.startsWith('batch:') ? keys.batch(name.slice('batch:'.length)) : keys.camera(name.slice('camera:'.length)),
        'turns',
      ),
      redis.llen(keys.lane(name)),
    ]);
    const counted = freeByLane.get(name) ?? 0;
    const width = CONSTANTS.LANE_WIDTH[name.startsWith('batch:') ? 'bulk' : 'cameras'];
    check('lane', name, 'stored count of free tokens', counted, Number(stored));
    if (counted > width) check('lane', name, 'free tokens', `${width} at most`, counted);
    const needed = Math.min(width, length);
    if (!stopped && counted < needed) check('lane', name, `free tokens for ${length} pending`, needed, counted);
  });
  return free;
}
