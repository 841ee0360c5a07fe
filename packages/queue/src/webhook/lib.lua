-- Webhooks on their way: what becomes due, and when to look at a host again.
-- Invariants, after each script:
--   a delivery is in pending:<host> or in leases:<host>, never in both;
--   a host is in `hosts` exactly while it has deliveries, never later than its first one can be taken. It may be earlier:
--   `take-deliveries` looks at it then and moves it on;
--   stats.deliveryBytes and stats.deliveryBytes:<host> are the sums of `charge` over deliveries, which stats.resultBytes includes.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua

-- What the hash of a delivery takes besides its result: 25 short fields.
local DELIVERY_OVERHEAD = 2048

local function first_score(key)
  return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
end

-- Puts a host where it belongs among all hosts. Never before now: a host just served goes behind those that wait.
local function reschedule_host(host)
  local due, lease = first_score(pending_key(host)), first_score(leases_key(host))
  local at = math.min(due or math.huge, lease or math.huge)
  if due or lease then
    redis.call('ZADD', HOSTS, math.max(now, at), host)
  else
    redis.call('ZREM', HOSTS, host)
  end
end

local function charge(host, bytes)
  redis.call('HINCRBY', STATS, 'resultBytes', bytes)
  redis.call('HINCRBY', STATS, 'deliveryBytes', bytes)
  if redis.call('HINCRBY', STATS, 'deliveryBytes:' .. host, bytes) == 0 then
    redis.call('HDEL', STATS, 'deliveryBytes:' .. host)
  end
end

-- The webhook of a job or batch that has just ended is due. It keeps a copy of the record, which outlives that.
local function add_delivery(record, id, host, bytes)
  redis.call('COPY', record, delivery_key(id))
  redis.call('HSET', delivery_key(id), 'webhookTries', 0, 'charge', bytes + DELIVERY_OVERHEAD)
  charge(host, bytes + DELIVERY_OVERHEAD)
  redis.call('ZADD', pending_key(host), now, id)
  redis.call('ZADD', HOSTS, 'LT', now, host)
  redis.call('PUBLISH', PREFIX .. ':delivery', id)
end

-- Forgets a delivery, whoever tries it just now. The first write frees memory: Redis then lets the script go on even when it is full.
local function drop_delivery(id, host)
  local bytes = tonumber(redis.call('HGET', delivery_key(id), 'charge'))
  if not bytes then return end
  redis.call('DEL', delivery_key(id))
  charge(host, -bytes)
  redis.call('ZREM', pending_key(host), id)
  redis.call('ZREM', leases_key(host), id)
  reschedule_host(host)
end
