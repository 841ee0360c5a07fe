import { type Bytes, type Look, namesOf } from './look.ts';

/** A record as the checks of batches, cameras and turns need it. */
export interface KnownJob {
  status: string;
  blobBytes: number;
  batch: string | undefined;
  camera: string | undefined;
  ticket: string | undefined;
}

export interface JobsFound extends Bytes {
  jobs: Map<string, KnownJob>;
  byStatus: Record<string, number>;
}

/**
 * Checks the invariants of scripts/lib/job.lua.
 * @param delivered ids of webhooks on their way
 */
export async function checkJobs(look: Look, delivered: Set<string>): Promise<JobsFound> {
  const { redis, prefix, check } = look;
  const found: JobsFound = { jobs: new Map(), byStatus: {}, blobBytes: 0, resultBytes: 0 };
  const reserved = new Map<string, string>();
  const processing = new Map<string, number>();
  for (const id of namesOf(look, 'job')) {
    const key = `${prefix}:job:${id}`;
    const record = await redis.hgetall(key);
    const { status = '?', queue = '?', batch, camera, ticket } = record;
    const blobBytes = Number(record['blobBytes']);
    const resultBytes = Number(record['resultBytes']);
    const live = status === 'queued' || status === 'processing';
    found.jobs.set(id, { status, blobBytes, batch, camera, ticket });
    found.byStatus[status] = (found.byStatus[status] ?? 0) + 1;
    found.blobBytes += blobBytes;
    found.resultBytes += resultBytes;
    if (status === 'processing') processing.set(queue, (processing.get(queue) ?? 0) + 1);
    const [waits, due, blob, result] = await Promise.all([
      redis.zscore(`${prefix}:waiting:${queue}`, id),
      redis.zscore(`${prefix}:due`, id),
      redis.strlen(`${prefix}:blob:${id}`),
      redis.hstrlen(key, 'result'),
    ]);
    check(
      (waits !== null) === (status === 'queued'),
      `${id} is ${status}, yet ${waits === null ? 'not ' : ''}in waiting:${queue}`,
    );
    check(due !== null, `${id} is not due`);
    check(blob === blobBytes, `${id}'s image is not of ${blobBytes} bytes`);
    check(result === resultBytes, `${id}'s result is not of ${resultBytes} bytes`);
    check(live || blobBytes === 0, `${id} is ${status} and keeps its image`);
    check(live || !batch, `${id} is ${status}, and an item's record ends with it`);
    if (record['idempotency']) reserved.set(record['idempotency'], id);
    const webhook = record['webhookStatus'];
    check(!webhook || live === (webhook === 'waiting'), `${id} is ${status} and its webhook ${webhook}`);
    check((webhook === 'pending') === delivered.has(id), `${id}'s webhook is ${webhook}`);
    check(live === !record['finishedAt'], `${id} is ${status} with finishedAt ${record['finishedAt']}`);
  }
  for (const name of namesOf(look, 'waiting')) {
    for (const id of await redis.zrange(`${prefix}:waiting:${name}`, 0, '-1'))
      check(found.jobs.has(id), `${id} in waiting:${name} has no record`);
  }
  for (const name of namesOf(look, 'idem')) {
    const [holder] = ((await redis.get(`${prefix}:idem:${name}`)) ?? '').split(' ');
    check(reserved.get(name) === holder, `idem:${name} is of ${holder}, whose record does not name it`);
    reserved.delete(name);
  }
  for (const [name, id] of reserved) check(false, `${id} has no reservation ${name}`);
  for (const queue of new Set([...processing.keys(), ...countedQueues(look)])) {
    const [said, counted] = [Number(look.stats[`processing:${queue}`] ?? 0), processing.get(queue) ?? 0];
    check(said === counted, `stats.processing:${queue} is ${said}, counted ${counted}`);
  }
  return found;
}

const countedQueues = ({ stats }: Look) =>
  Object.keys(stats).flatMap((field) => (field.startsWith('processing:') ? field.slice('processing:'.length) : []));
