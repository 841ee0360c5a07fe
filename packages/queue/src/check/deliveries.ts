import { type Look, namesOf } from './look.ts';

/**
 * Checks the invariants of scripts/lib/delivery.lua.
 * @returns ids of webhooks on their way, and the bytes they are charged
 */
export async function checkDeliveries(look: Look): Promise<{ ids: Set<string>; resultBytes: number }> {
  const { redis, prefix, check, stats } = look;
  const ids = new Set<string>();
  const charged = new Map<string, number>();
  let bytes = 0;
  for (const id of namesOf(look, 'delivery')) {
    const key = `${prefix}:delivery:${id}`;
    const { webhookHost: host = '', charge, resultBytes, webhookStatus, status } = await redis.hgetall(key);
    ids.add(id);
    bytes += Number(charge);
    charged.set(host, (charged.get(host) ?? 0) + Number(charge));
    check(webhookStatus === 'pending', `the delivery of ${id} is ${webhookStatus}`);
    // What resultBytes of a batch counts is not in its record.
    const kept = status === undefined || (await redis.hstrlen(key, 'result')) === Number(resultBytes);
    check(kept, `the delivery of ${id} lost its result`);
    const places = await Promise.all(
      ['pending', 'leases'].map((name) => redis.zscore(`${prefix}:${name}:${host}`, id)),
    );
    check(places.filter((score) => score !== null).length === 1, `the delivery of ${id} is in ${places}`);
  }
  for (const kind of ['pending', 'leases']) {
    for (const host of namesOf(look, kind)) {
      for (const id of await redis.zrange(`${prefix}:${kind}:${host}`, 0, '-1'))
        check(ids.has(id), `${id} in ${kind}:${host} has no delivery`);
    }
  }
  const hosts = await redis.zrange(`${prefix}:hosts`, 0, '-1');
  check(
    hosts.sort().join() === [...charged.keys()].sort().join(),
    `hosts are ${hosts}, counted ${[...charged.keys()]}`,
  );
  for (const host of hosts) {
    const first = async (name: string) =>
      Number((await redis.zrange(`${prefix}:${name}:${host}`, 0, '0', 'WITHSCORES'))[1] ?? 0);
    const at = Number(await redis.zscore(`${prefix}:hosts`, host));
    const takeable = (await first('leases')) || (await first('pending'));
    check(
      at <= Math.max(look.now + 1000, takeable),
      `${host} is looked at only at ${at}, though it has work at ${takeable}`,
    );
  }
  check(
    Number(stats['deliveryBytes'] ?? 0) === bytes,
    `stats.deliveryBytes is ${stats['deliveryBytes']}, counted ${bytes}`,
  );
  for (const [field, value] of Object.entries(stats)) {
    if (!field.startsWith('deliveryBytes:')) continue;
    const counted = charged.get(field.slice('deliveryBytes:'.length)) ?? 0;
    check(Number(value) === counted && counted > 0, `stats.${field} is ${value}, counted ${counted}`);
  }
  return { ids, resultBytes: bytes };
}
