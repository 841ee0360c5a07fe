import { CONSTANTS } from '@facequeue/queue/storage';
import {
  type AuditContext,
  checkOwners,
  countWithFlow,
  inChunks,
  listOf,
  membersOf,
  namesOf,
  streamOf,
} from './context.ts';
import { groupJobs, isLive, type JobSummary } from './jobs.ts';

const ENDS = ['succeeded', 'failed', 'superseded', 'expired', 'canceled'];

/**
 * Checks the invariants of the queue's camera/lib.lua.
 * @returns names of cameras, and the bytes of their kept results
 */
export async function checkCameras(
  context: AuditContext,
  jobs: Map<string, JobSummary>,
): Promise<{ names: Set<string>; resultBytes: number }> {
  const { redis, keys, check } = context;
  const names = new Set(namesOf(context, keys.camera));
  const listed = await membersOf(context, keys.cameras);
  const framesOf = groupJobs(jobs, 'camera');
  let resultBytes = 0;
  await inChunks(names, async (name) => {
    const camera = await redis.hgetall(keys.camera(name));
    const count = (field: string) => Number(camera[field]);
    resultBytes += count('resultBytes');
    countWithFlow(context, count('resultBytes'), camera['resultEpoch'], camera['resultFlow'] ?? '');
    const sum = ['waiting', 'processing', ...ENDS].reduce((total, field) => total + count(field), 0);
    check('camera', name, 'posted', sum, count('posted'));
    await checkFrames(context, name, camera, framesOf.get(name) ?? []);
    await checkEvents(context, name, camera);
    check('camera', name, 'time in the list of cameras', Number(camera['lastFrameAt']), listed.get(name));
    check('camera', name, 'scheduled for the sweep', true, (await redis.zscore(keys.due, `camera-${name}`)) !== null);
  });
  for (const name of listed.keys()) check('camera', name, 'listed, has a record', true, names.has(name));
  for (const [id, { camera, status }] of jobs) {
    if (camera && isLive(status)) check('job', id, `its camera ${camera} has a record`, true, names.has(camera));
  }
  await checkKinds(context, names);
  checkOwners(context, keys.frames, names);
  checkOwners(context, keys.superseded, names);
  checkOwners(context, (name) => keys.lane(`camera:${name}`), names);
  return { names, resultBytes };
}

/** Which cameras count as such: camera/limit-lib.lua. */
async function checkKinds({ redis, keys, stats, check }: AuditContext, names: Set<string>): Promise<void> {
  const counted = { decoded: new Map<string, number>(), undecoded: new Map<string, number>() };
  await inChunks(names, async (name) => {
    const [kind, flow = ''] = (await redis.hmget(keys.camera(name), 'kind', 'flow')) as [
      'decoded' | 'undecoded',
      string,
    ];
    if (!kind) return;
    counted[kind].set(flow, (counted[kind].get(flow) ?? 0) + 1);
    const listed = await redis.zscore(keys.flowCounts(`${kind}:${flow}`), name);
    check('camera', name, `among the ${kind} ones of its flow`, true, listed !== null);
  });
  for (const kind of ['decoded', 'undecoded'] as const) {
    const flows = [...counted[kind]].map(([flow, count]) => `${flow} ${count}`);
    const stored = await redis.zrange(keys.flowCounts(kind), 0, '-1', 'WITHSCORES');
    const storedFlows = stored.flatMap((flow, i) => (i % 2 ? [] : [`${flow} ${stored[i + 1]}`]));
    check('camera', 'all', `${kind} ones by flow`, flows.sort().join(), storedFlows.sort().join());
    const total = [...counted[kind].values()].reduce((sum, count) => sum + count, 0);
    check('camera', 'all', `${kind} ones`, total, Number(stats[`cameras:${kind}`] ?? 0));
  }
}

/** Counts, image bytes and lane of a camera against its live frames. */
async function checkFrames(
  context: AuditContext,
  name: string,
  camera: Record<string, string>,
  frames: [string, JobSummary][],
): Promise<void> {
  const { keys, check } = context;
  const live = frames.filter(([, job]) => isLive(job.status));
  const inState = (status: string) => live.filter(([, job]) => job.status === status).length;
  check('camera', name, 'waiting', inState('queued'), Number(camera['waiting']));
  check('camera', name, 'processing', inState('processing'), Number(camera['processing']));
  const blobBytes = live.reduce((total, [, job]) => total + job.blobBytes, 0);
  check('camera', name, 'blobBytes', blobBytes, Number(camera['blobBytes']));
  const lane = await listOf(context, keys.lane(`camera:${name}`));
  const superseded = new Set(await listOf(context, keys.superseded(name)));
  const unclaimed = live.filter(([id, job]) => !job.deliveryId && !superseded.has(id)).map(([id]) => id);
  check('camera', name, 'frames in its lane', unclaimed.sort().join(), lane.sort().join());
}

/** The kept results of a camera are the last ones, without a gap, and within their limits. */
async function checkEvents(context: AuditContext, name: string, camera: Record<string, string>): Promise<void> {
  const { keys, check } = context;
  let [kept, bytes, first, last] = [0, 0, 0, 0];
  for await (const { id, fields } of streamOf(context, keys.frames(name))) {
    kept += 1;
    bytes += entryBytes(fields);
    last = Number(id.slice(0, -'-0'.length));
    first ||= last;
  }
  check('camera', name, 'resultBytes', bytes, Number(camera['resultBytes']));
  if (kept > CONSTANTS.CAMERA_RESULTS)
    check('camera', name, 'results kept', `${CONSTANTS.CAMERA_RESULTS} at most`, kept);
  if (bytes > CONSTANTS.CAMERA_RESULT_BYTES)
    check('camera', name, 'bytes of results kept', `${CONSTANTS.CAMERA_RESULT_BYTES} at most`, bytes);
  if (kept === 0) return;
  const ended = Number(camera['ended']);
  check('camera', name, 'numbers of its kept results', `${ended - kept + 1} to ${ended}`, `${first} to ${last}`);
}

function entryBytes(fields: Map<string, Buffer>): number {
  let bytes: number = CONSTANTS.RESULT_OVERHEAD_BYTES;
  for (const value of fields.values()) bytes += value.length;
  return bytes;
}
