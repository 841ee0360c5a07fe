/** Counts everything anew and compares: for tests, chaos runs and doubts. Costs a scan of all keys; nothing else uses it. */
import type { Redis } from 'ioredis';
import { openConnection } from '../redis/connection.ts';

export interface Recount {
  /** What is wrong; empty when every counter and every list agrees with the records. */
  problems: string[];
  /** Records by status. */
  jobs: Record<string, number>;
  /** Every key under the prefix. */
  keys: string[];
}

/**
 * Checks the invariants of scripts/lib/job.lua and delivery.lua. Reads without a lock: call it when nothing is going on.
 * @throws unavailable when Redis is away
 */
export async function recount(url: string, prefix: string): Promise<Recount> {
  await using connection = await openConnection(url, 'gateway', () => {});
  const { redis } = connection;
  const keys = await keysUnder(redis, prefix);
  const problems: string[] = [];
  const jobs: Record<string, number> = {};
  const deliveries = await recountDeliveries(redis, prefix, keys);
  problems.push(...deliveries.problems);
  const sums = { blobBytes: 0, resultBytes: deliveries.bytes };
  const reserved = new Map<string, string>();
  const processing = new Map<string, number>();
  const known = new Set<string>();
  const check = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem);
  };

  for (const key of keys.filter((each) => each.startsWith(`${prefix}:job:`))) {
    const id = key.slice(`${prefix}:job:`.length);
    const record = await redis.hgetall(key);
    const { status = '?', queue = '?' } = record;
    known.add(id);
    jobs[status] = (jobs[status] ?? 0) + 1;
    const blobBytes = Number(record['blobBytes']);
    const resultBytes = Number(record['resultBytes']);
    sums.blobBytes += blobBytes;
    sums.resultBytes += resultBytes;
    if (status === 'processing') processing.set(queue, (processing.get(queue) ?? 0) + 1);
    const live = status === 'queued' || status === 'processing';
    const waits = (await redis.zscore(`${prefix}:waiting:${queue}`, id)) !== null;
    check(waits === (status === 'queued'), `${id} is ${status}, yet ${waits ? '' : 'not '}in waiting:${queue}`);
    check((await redis.zscore(`${prefix}:due`, id)) !== null, `${id} is not due`);
    check((await redis.strlen(`${prefix}:blob:${id}`)) === blobBytes, `${id}'s image is not of ${blobBytes} bytes`);
    check((await redis.hstrlen(key, 'result')) === resultBytes, `${id}'s result is not of ${resultBytes} bytes`);
    check(live || blobBytes === 0, `${id} is ${status} and keeps its image`);
    if (record['idempotency']) reserved.set(record['idempotency'], id);
    const webhook = record['webhookStatus'];
    check(!webhook || live === (webhook === 'waiting'), `${id} is ${status} and its webhook ${webhook}`);
    check((webhook === 'pending') === deliveries.ids.has(id), `${id}'s webhook is ${webhook}`);
    check(live === !record['finishedAt'], `${id} is ${status} with finishedAt ${record['finishedAt']}`);
  }

  for (const name of keys.filter((each) => each.startsWith(`${prefix}:waiting:`) || each === `${prefix}:due`)) {
    for (const id of await redis.zrangebyscore(name, '-inf', '+inf'))
      check(known.has(id), `${id} in ${name} has no record`);
  }
  for (const key of keys.filter((each) => each.startsWith(`${prefix}:blob:`))) {
    check(known.has(key.slice(`${prefix}:blob:`.length)), `${key} has no record`);
  }
  for (const key of keys.filter((each) => each.startsWith(`${prefix}:idem:`))) {
    const name = key.slice(`${prefix}:idem:`.length);
    const [holder] = ((await redis.get(key)) ?? '').split(' ');
    check(reserved.get(name) === holder, `${key} is of ${holder}, whose record does not name it`);
    reserved.delete(name);
  }
  for (const [name, id] of reserved) check(false, `${id} has no reservation ${name}`);
  const stats = await redis.hgetall(`${prefix}:stats`);
  for (const [name, sum] of Object.entries(sums)) {
    check(Number(stats[name] ?? 0) === sum, `stats.${name} is ${stats[name]}, counted ${sum}`);
  }
  for (const [field, value] of Object.entries(stats)) {
    if (!field.startsWith('processing:')) continue;
    const counted = processing.get(field.slice('processing:'.length)) ?? 0;
    check(Number(value) === counted, `stats.${field} is ${value}, counted ${counted}`);
  }
  return { problems, jobs, keys };
}

/** Checks the deliveries. @returns their ids, and the bytes they are charged */
async function recountDeliveries(redis: Redis, prefix: string, keys: string[]) {
  const problems: string[] = [];
  const check = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem);
  };
  const ids = new Set<string>();
  const charged = new Map<string, number>();
  let bytes = 0;
  for (const key of keys.filter((each) => each.startsWith(`${prefix}:delivery:`))) {
    const id = key.slice(`${prefix}:delivery:`.length);
    const { webhookHost: host = '', charge, resultBytes, webhookStatus } = await redis.hgetall(key);
    ids.add(id);
    bytes += Number(charge);
    charged.set(host, (charged.get(host) ?? 0) + Number(charge));
    check(webhookStatus === 'pending', `the delivery of ${id} is ${webhookStatus}`);
    check((await redis.hstrlen(key, 'result')) === Number(resultBytes), `the delivery of ${id} lost its result`);
    const places = await Promise.all(
      ['pending', 'leases'].map((name) => redis.zscore(`${prefix}:${name}:${host}`, id)),
    );
    check(places.filter((score) => score !== null).length === 1, `the delivery of ${id} is in ${places}`);
  }
  for (const name of keys.filter((each) => /:(pending|leases):[^:]/.test(each.slice(prefix.length)))) {
    for (const id of await redis.zrangebyscore(name, '-inf', '+inf'))
      check(ids.has(id), `${id} in ${name} has no delivery`);
  }
  const hosts = await redis.zrangebyscore(`${prefix}:hosts`, '-inf', '+inf');
  check(
    hosts.sort().join() === [...charged.keys()].sort().join(),
    `hosts are ${hosts}, counted ${[...charged.keys()]}`,
  );
  const now = Number((await redis.time())[0]) * 1000 + 1000;
  for (const host of hosts) {
    const first = async (name: string) => {
      const [id] = await redis.zrange(`${prefix}:${name}:${host}`, 0, '0');
      return id === undefined ? 0 : Number(await redis.zscore(`${prefix}:${name}:${host}`, id));
    };
    const at = Number(await redis.zscore(`${prefix}:hosts`, host));
    const takeable = (await first('leases')) || (await first('pending'));
    check(at <= Math.max(now, takeable), `${host} is looked at only at ${at}, though it has work at ${takeable}`);
  }
  const stats = await redis.hgetall(`${prefix}:stats`);
  check(
    Number(stats['deliveryBytes'] ?? 0) === bytes,
    `stats.deliveryBytes is ${stats['deliveryBytes']}, counted ${bytes}`,
  );
  for (const [field, value] of Object.entries(stats)) {
    if (!field.startsWith('deliveryBytes:')) continue;
    const counted = charged.get(field.slice('deliveryBytes:'.length)) ?? 0;
    check(Number(value) === counted && counted > 0, `stats.${field} is ${value}, counted ${counted}`);
  }
  return { problems, ids, bytes };
}

async function keysUnder(redis: Redis, prefix: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const batch of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    for (const key of batch as string[]) keys.add(key);
  }
  return [...keys].sort();
}
