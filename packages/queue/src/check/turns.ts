import type { KnownJob } from './jobs.ts';
import type { Look } from './look.ts';

/** As in scripts/lib/turn.lua. */
const WIDTH = { batch: 8, camera: 1 };

/**
 * Checks the invariants of scripts/lib/turn.lua.
 * @param lanes of batches and cameras that are there; `idle` ones need no turns
 * @returns turns that nobody has taken
 */
export async function checkTurns(
  { redis, prefix, check }: Look,
  jobs: Map<string, KnownJob>,
  lanes: { name: string; idle: boolean }[],
): Promise<Set<string>> {
  const unbound = new Set<string>();
  const byLane = new Map<string, number>();
  for (const [turn, value] of Object.entries(await redis.hgetall(`${prefix}:turns`))) {
    const [lane = '', id] = value.split(' ');
    const due = (await redis.zscore(`${prefix}:due`, turn)) !== null;
    check(due === (id === undefined), `${turn} of ${value} is ${due ? '' : 'not '}due`);
    if (id === undefined) {
      unbound.add(turn);
      byLane.set(lane, (byLane.get(lane) ?? 0) + 1);
      continue;
    }
    const job = jobs.get(id);
    check(job?.ticket === turn, `${turn} is bound to ${id}, whose ticket is ${job?.ticket}`);
    const of = job?.batch ? `batch:${job.batch}` : `camera:${job?.camera}`;
    check(lane === of, `${turn} is of ${lane}, its job of ${of}`);
  }
  for (const [id, { ticket, status }] of jobs) {
    if (!ticket || !['queued', 'processing'].includes(status)) continue;
    const value = await redis.hget(`${prefix}:turns`, ticket);
    check(value?.endsWith(` ${id}`) === true, `${id} came by ${ticket}, which is of ${value}`);
  }
  for (const { name, idle } of lanes) {
    const [said, length] = await Promise.all([
      redis.hget(`${prefix}:${name}`, 'turns'),
      redis.llen(`${prefix}:lane:${name}`),
    ]);
    const counted = byLane.get(name) ?? 0;
    const width = name.startsWith('batch:') ? WIDTH.batch : WIDTH.camera;
    check(Number(said) === counted, `${name}: turns is ${said}, counted ${counted}`);
    check(counted <= width, `${name} has ${counted} turns on their way`);
    check(idle || counted >= Math.min(width, length), `${name} has ${counted} turns for ${length} that wait`);
  }
  return unbound;
}
