import type { KnownJob } from './jobs.ts';
import { checkOwners, type Look, namesOf, streamOf } from './look.ts';

/** As in scripts/lib/camera.lua. */
const EVENTS_KEPT = 1000;
const EVENT_BYTES = 524_288;
const EVENT_OVERHEAD = 128;

const ENDS = ['succeeded', 'failed', 'superseded', 'expired', 'canceled'];

/**
 * Checks the invariants of scripts/lib/camera.lua.
 * @returns names of cameras, and the bytes of their kept results
 */
export async function checkCameras(
  look: Look,
  jobs: Map<string, KnownJob>,
): Promise<{ names: Set<string>; resultBytes: number }> {
  const { redis, prefix, check } = look;
  const names = new Set(namesOf(look, 'camera'));
  let resultBytes = 0;
  for (const name of names) {
    const camera = await redis.hgetall(`${prefix}:camera:${name}`);
    const count = (field: string) => Number(camera[field]);
    resultBytes += count('resultBytes');
    const sum = ['waiting', 'processing', ...ENDS].reduce((total, field) => total + count(field), 0);
    check(count('posted') === sum, `camera ${name}: posted is ${count('posted')}, the others ${sum}`);

    const live = [...jobs].filter(([, job]) => job.camera === name && ['queued', 'processing'].includes(job.status));
    const inState = (status: string) => live.filter(([, job]) => job.status === status).length;
    check(
      count('waiting') === inState('queued'),
      `camera ${name}: waiting is ${count('waiting')}, counted ${inState('queued')}`,
    );
    check(
      count('processing') === inState('processing'),
      `camera ${name}: processing is ${count('processing')}, counted ${inState('processing')}`,
    );
    const blobBytes = live.reduce((total, [, job]) => total + job.blobBytes, 0);
    check(count('blobBytes') === blobBytes, `camera ${name}: blobBytes is ${count('blobBytes')}, counted ${blobBytes}`);
    const lane = await redis.lrange(`${prefix}:lane:camera:${name}`, 0, -1);
    const untaken = live.filter(([, job]) => !job.ticket).map(([id]) => id);
    check(
      lane.sort().join() === untaken.sort().join(),
      `camera ${name}: in its lane are ${lane}, not taken up ${untaken}`,
    );

    const frames = await streamOf(look, `frames:${name}`);
    const bytes = frames.reduce((total, { fields }) => total + entryBytes(fields), 0);
    check(count('resultBytes') === bytes, `camera ${name}: resultBytes is ${count('resultBytes')}, counted ${bytes}`);
    check(
      frames.length <= EVENTS_KEPT && bytes <= EVENT_BYTES,
      `camera ${name} keeps ${frames.length} results of ${bytes} bytes`,
    );
    const [first, last] = [frames[0], frames.at(-1)].map((frame) => frame && Number(frame.id.slice(0, -'-0'.length)));
    const whole = !last || (last === count('ended') && last - first! === frames.length - 1);
    check(whole, `camera ${name}: results ${first} to ${last} of ${count('ended')} are ${frames.length}`);

    const [seen, due] = await Promise.all([
      redis.zscore(`${prefix}:cameras`, name),
      redis.zscore(`${prefix}:due`, `camera-${name}`),
    ]);
    check(
      seen === camera['lastFrameAt'],
      `camera ${name} was last seen at ${camera['lastFrameAt']}, listed at ${seen}`,
    );
    check(due !== null, `camera ${name} is not due`);
  }
  for (const name of await redis.zrange(`${prefix}:cameras`, 0, '-1'))
    check(names.has(name), `camera ${name} is listed and not there`);
  for (const [id, { camera, status }] of jobs) {
    const live = status === 'queued' || status === 'processing';
    check(!camera || !live || names.has(camera), `${id} is a frame of ${camera}, which is not there`);
  }
  checkOwners(look, ['frames', 'lane:camera'], names);
  return { names, resultBytes };
}

function entryBytes(fields: Map<string, Buffer>): number {
  let bytes = EVENT_OVERHEAD;
  for (const value of fields.values()) bytes += value.length;
  return bytes;
}
