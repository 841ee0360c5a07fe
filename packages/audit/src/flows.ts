import { QUEUE_NAMES } from '@facequeue/schema';
import { type AuditContext, checkOwner, inChunks, membersOf, namesOf } from './context.ts';
import type { JobSummary } from './jobs.ts';

/**
 * Checks the invariants of the queue's flow/lib.lua: what is in lanes waits, and the lists of lanes and flows agree. What waits may be in
 * no lane: a gateway of another release has submitted it.
 */
export async function checkFlows(context: AuditContext, jobs: Map<string, JobSummary>): Promise<void> {
  const { redis, keys, check, stats } = context;
  // Workers that know no flows leave entries of what they have taken.
  if (stats['unfair']) return;
  const names = new Set<string>();
  for (const queue of QUEUE_NAMES) {
    const flows = await membersOf(context, keys.flows(queue));
    await inChunks(flows.keys(), async (flow) => {
      const name = `${queue}:${flow}`;
      names.add(name);
      const lanes = await membersOf(context, keys.lanes(name));
      check('flow', name, 'has lanes', true, lanes.size > 0);
      for (const lane of lanes.keys()) {
        const key = lane === 'jobs' ? keys.jobsLane(name) : keys.lane(lane);
        check('flow', name, `something waits in ${lane}`, true, (await redis.exists(key)) === 1);
      }
      const single = await membersOf(context, keys.jobsLane(name));
      check('flow', name, 'has a lane of its single jobs', single.size > 0, lanes.has('jobs'));
      for (const id of single.keys()) {
        const job = jobs.get(id);
        const queued = job?.status === 'queued' && job.attempts === 0;
        check('flow', name, `job ${id} waits in its lane`, name, queued ? `${job.queue}:${job.flow}` : undefined);
      }
    });
    const clock = stats[`clock:${queue}`] !== undefined;
    if (flows.size === 0) check('total', `stats.clock:${queue}`, 'kept while nothing waits', false, clock);
  }
  for (const key of [keys.lanes, keys.jobsLane])
    for (const name of namesOf(context, key)) checkOwner(context, key(name), names.has(name));
}
