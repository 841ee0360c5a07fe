import { QUEUE_NAMES, type QueueName } from '@facequeue/schema';
import { type AuditContext, checkOwner, inChunks, membersOf, namesOf, readAtomically } from './context.ts';
import type { JobSummary } from './jobs.ts';

/** The field of stats that names the flow that waits alone. */
const aloneField = (queue: QueueName) => `alone:${queue}`;

/**
 * Checks the invariants of the queue's flow/lib.lua: what is in lanes waits, and the lists of lanes and flows agree. What waits may be in
 * no lane: a gateway of another release has submitted it. Lanes and flows come and go all the time in an installation that is running, so
 * two that must agree are read at once.
 */
export async function checkFlows(context: AuditContext, jobs: Map<string, JobSummary>): Promise<void> {
  const { redis, keys, check, stats } = context;
  // Workers that know no flows leave entries of what they have taken.
  if (stats['unfair']) return;
  for (const queue of QUEUE_NAMES) {
    const flows = await membersOf(context, keys.flows(queue));
    const checkSingleJobs = async (flow: string) => {
      const name = `${queue}:${flow}`;
      for (const id of (await membersOf(context, keys.jobsLane(name))).keys()) {
        const job = jobs.get(id);
        const queued = job?.status === 'queued' && job.attempts === 0;
        check('flow', name, `job ${id} waits in its lane`, name, queued ? `${job.queue}:${job.flow}` : undefined);
      }
    };
    const flowAlone = await redis.hget(keys.stats, aloneField(queue));
    if (flowAlone !== null) {
      const name = `${queue}:${flowAlone}`;
      await checkSingleJobs(flowAlone);
      const [still, listed, passedOver] = await readAtomically(
        redis,
        ['hget', keys.stats, aloneField(queue)],
        ['exists', keys.flows(queue)],
        ['zcount', keys.jobsLane(name), '-inf', '(0'],
      );
      if (still === flowAlone) {
        check('flow', name, 'waits alone', true, listed === 0);
        check('flow', name, 'jobs passed over while it waits alone', 0, passedOver as number);
      }
    }
    await inChunks(flows.keys(), async (flow) => {
      const name = `${queue}:${flow}`;
      const has = (lane: string) => ['zscore', keys.lanes(name), lane];
      const [listed, lanes] = await readAtomically(
        redis,
        ['zscore', keys.flows(queue), flow],
        ['exists', keys.lanes(name)],
      );
      check('flow', name, 'has lanes', listed !== null, lanes === 1);
      for (const lane of (await membersOf(context, keys.lanes(name))).keys()) {
        if (lane === 'jobs') continue;
        const [joined, waits] = await readAtomically(redis, has(lane), ['exists', keys.lane(lane)]);
        if (joined !== null) check('flow', name, `something waits in ${lane}`, true, waits === 1);
      }
      const [joined, waits] = await readAtomically(redis, has('jobs'), ['exists', keys.jobsLane(name)]);
      check('flow', name, 'has a lane of its single jobs', waits === 1, joined !== null);
      await checkSingleJobs(flow);
    });
    const [waits, clock] = await readAtomically(
      redis,
      ['exists', keys.flows(queue)],
      ['hexists', keys.stats, `clock:${queue}`],
    );
    if (waits === 0) check('total', `stats.clock:${queue}`, 'kept while nothing waits', false, clock === 1);
  }
  const keysOfFlows = [keys.lanes, keys.jobsLane].flatMap((key) =>
    namesOf(context, key).map((name) => [name, key(name)] as const),
  );
  await inChunks(keysOfFlows, async ([name, key]) => {
    const [, queue, flow] = /^(\w+):(.*)$/s.exec(name) ?? [];
    const [exists, listed, flowAlone] = await readAtomically(
      redis,
      ['exists', key],
      ['zscore', keys.flows(queue as QueueName), flow!],
      ['hget', keys.stats, aloneField(queue as QueueName)],
    );
    const waitsAlone = flowAlone === flow && key === keys.jobsLane(name);
    if (exists === 1) checkOwner(context, key, listed !== null || waitsAlone);
  });
}

/**
 * Checks the invariant of the queue's flow/bytes-lib.lua: no flow counts more image bytes than it has. Processes of another release charge
 * and return bytes of no flow; until the next change after theirs the counts mean nothing.
 * @param items bytes of the images of items without a record, by flow
 */
export async function checkFlowBytes(
  { redis, keys, check, stats }: AuditContext,
  jobs: Map<string, JobSummary>,
  items: Map<string, number>,
): Promise<void> {
  const { '*': total, ...counted } = await redis.hgetall(keys.flowBytes);
  if (total !== stats['blobBytes']) return;
  const bytes = new Map(items);
  for (const { flow, blobBytes } of jobs.values()) bytes.set(flow, (bytes.get(flow) ?? 0) + blobBytes);
  for (const [flow, count] of Object.entries(counted)) {
    const most = bytes.get(flow) ?? 0;
    if (Number(count) > most) check('total', 'stats.blobBytes', `bytes of flow ${flow}, at most`, most, Number(count));
  }
}

/**
 * Checks the invariants of the queue's flow/results-lib.lua, after all bytes have been counted with their flows. A process of another
 * release changes only the sum. Until the next change by this release the counts of flows mean nothing, and are not checked.
 */
export async function checkFlowResults(context: AuditContext): Promise<void> {
  const { redis, keys, check, stats } = context;
  const { '*': total = '0', ...results } = await redis.hgetall(keys.flowResults);
  if (total !== (stats['resultBytes'] ?? '0')) return;
  const webhooks = await redis.hgetall(keys.flowWebhooks);
  for (const [what, counted, sums] of [
    ['results', results, context.flowResults],
    ['webhooks', webhooks, context.flowWebhooks],
  ] as const) {
    for (const flow of new Set([...Object.keys(counted), ...sums.keys()]))
      check('total', 'stats.resultBytes', `${what} of flow ${flow}`, sums.get(flow) ?? 0, Number(counted[flow] ?? 0));
  }
}
