-- Undelivered webhooks: which are due, and when to check a host again.
-- Invariants, after each script:
--   a webhook is in pending:<host> or in leases:<host>, never in both;
--   a host is in `hosts` exactly while it has webhooks, never later than its first one can be leased. It may be earlier:
--   lease.lua checks it then and moves it on;
--   stats.deliveryBytes and stats.deliveryBytes:<host> are the sums of `charge` over webhooks, which stats.resultBytes includes.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../erasure/lib.lua
--- @include ../flow/results-lib.lua

local function first_score(key)
  return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
end

-- Puts a host at its place among all hosts. Never before now: a host just served goes to the end of those that wait.
local function reschedule_host(host)
  local due, lease_ends = first_score(pending_key(host)), first_score(leases_key(host))
  local at = math.min(due or math.huge, lease_ends or math.huge)
  if due or lease_ends then
    redis.call('ZADD', HOSTS, math.max(now, at), host)
  else
    redis.call('ZREM', HOSTS, host)
  end
end

-- Changes the bytes of a flow's webhook by `bytes`, to `kept`. Returns the epoch that it must name (flow/results-lib.lua).
local function charge_webhook(host, flow, bytes, kept, epoch)
  local current, change = charge_results(flow, bytes, kept, epoch)
  add_to_flow(FLOW_WEBHOOKS, host .. ' ' .. flow, change)
  add_to_flow(FLOW_WEBHOOKS, '* ' .. flow, change)
  redis.call('HINCRBY', STATS, 'deliveryBytes', bytes)
  if redis.call('HINCRBY', STATS, 'deliveryBytes:' .. host, bytes) == 0 then
    redis.call('HDEL', STATS, 'deliveryBytes:' .. host)
  end
  return current
end

-- The webhook of a job or batch that has just ended is due. It keeps a copy of the record, because it may outlive the record.
local function add_webhook(record, id, host, flow, bytes)
  local charge = bytes + WEBHOOK_OVERHEAD_BYTES
  redis.call('COPY', record, delivery_key(id))
  local epoch = charge_webhook(host, flow, charge, charge, nil)
  redis.call('HSET', delivery_key(id), 'webhookTries', 0, 'charge', charge, 'chargeEpoch', epoch)
  redis.call('ZADD', pending_key(host), now, id)
  redis.call('ZADD', HOSTS, 'LT', now, host)
  redis.call('PUBLISH', PREFIX .. ':delivery', id)
end

-- Forgets a webhook, even one that a worker has leased. The first write frees memory: Redis then lets the script continue even when
-- it is full.
local function drop_webhook(id, host)
  local webhook = redis.call('HMGET', delivery_key(id), 'charge', 'chargeEpoch', 'flow', 'owner')
  local bytes = tonumber(webhook[1])
  if not bytes then return end
  redis.call('DEL', delivery_key(id))
  count_erasure()
  charge_webhook(host, webhook[3] or webhook[4] or '', -bytes, 0, webhook[2])
  redis.call('ZREM', pending_key(host), id)
  redis.call('ZREM', leases_key(host), id)
  reschedule_host(host)
end
