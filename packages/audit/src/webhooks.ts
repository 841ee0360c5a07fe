import { type AuditContext, countWithFlow, inChunks, membersOf, namesOf } from './context.ts';

/** Between a host's work becoming due and its place in `hosts`, ms. */
const CLOCK_TOLERANCE_MS = 1000;

/**
 * Checks the invariants of the queue's webhook/lib.lua.
 * @returns ids of jobs and batches with a webhook yet to deliver, and the bytes these are charged
 */
export async function checkWebhooks(context: AuditContext): Promise<{ ids: Set<string>; resultBytes: number }> {
  const { redis, keys, check, stats } = context;
  const ids = new Set(namesOf(context, keys.delivery));
  const charged = new Map<string, number>();
  let bytes = 0;
  await inChunks(ids, async (id) => {
    const key = keys.delivery(id);
    const [host, charge, resultBytes, webhookStatus, status, epoch, flow, owner] = await redis.hmget(
      key,
      'webhookHost',
      'charge',
      'resultBytes',
      'webhookStatus',
      'status',
      'chargeEpoch',
      'flow',
      'owner',
    );
    bytes += Number(charge);
    charged.set(host ?? '', (charged.get(host ?? '') ?? 0) + Number(charge));
    countWithFlow(context, Number(charge), epoch, flow ?? owner ?? '', host ?? '');
    check('webhook', id, 'status', 'pending', webhookStatus);
    // The resultBytes of a batch are not in its record.
    if (status !== null) {
      const stored = (await redis.hstrlen(key, 'result')) + (await redis.hstrlen(key, 'details'));
      check('webhook', id, 'bytes of its result', Number(resultBytes), stored);
    }
    const scores = await Promise.all([keys.pending, keys.leases].map((list) => redis.zscore(list(host ?? ''), id)));
    check('webhook', id, 'lists that hold it', 1, scores.filter((score) => score !== null).length);
  });
  for (const list of [keys.pending, keys.leases]) {
    for (const host of namesOf(context, list)) {
      for (const id of (await membersOf(context, list(host))).keys())
        check('webhook', id, `in ${list(host)}, has a record`, true, ids.has(id));
    }
  }
  const hosts = await membersOf(context, keys.hosts);
  for (const host of new Set([...hosts.keys(), ...charged.keys()])) {
    check('host', host, 'listed as having webhooks to deliver', charged.has(host), hosts.has(host));
  }
  const firstIn = async (key: string) => Number((await redis.zrange(key, 0, '0', 'WITHSCORES'))[1] ?? 0);
  for (const [host, at] of hosts) {
    const workAt = (await firstIn(keys.leases(host))) || (await firstIn(keys.pending(host)));
    const latest = Math.max(context.now + CLOCK_TOLERANCE_MS, workAt);
    if (at > latest) check('host', host, 'time of its next delivery', `${latest} or earlier`, at);
  }
  check('total', 'stats.deliveryBytes', 'bytes', bytes, Number(stats['deliveryBytes'] ?? 0));
  for (const [field, value] of Object.entries(stats)) {
    if (!field.startsWith(BYTES)) continue;
    const counted = charged.get(field.slice(BYTES.length)) ?? 0;
    check('total', `stats.${field}`, 'bytes', counted || undefined, Number(value));
  }
  return { ids, resultBytes: bytes };
}

const BYTES = 'deliveryBytes:';
