-- Leases webhooks that are due, one a host and round, so that hosts share: one with many costs the others nothing.
-- KEYS 1 prefix  ARGV 1 how many at most  2 leases a host may have  3 ms a lease lasts
-- Returns {{id, attempt, field, value, field, value, ...}, ...}: the delivery's record.
-- Invariant: each attempt number of a delivery is given out once. A lease that ended frees its host's place here.
-- Each look at a host takes a delivery or moves the host into the future, so the loop ends; a host at its limit is looked at
-- once, however many of its deliveries wait.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local max, per_host, lease_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function take_back_ended_leases(host)
  for _, id in ipairs(redis.call('ZRANGE', leases_key(host), '-inf', now, 'BYSCORE')) do
    redis.call('ZREM', leases_key(host), id)
    redis.call('ZADD', pending_key(host), now, id)
  end
end

local function lease(id, host)
  redis.call('ZREM', pending_key(host), id)
  redis.call('ZADD', leases_key(host), now + lease_ms, id)
  local attempt = redis.call('HINCRBY', delivery_key(id), 'webhookTries', 1)
  local taken = { id, attempt }
  for _, value in ipairs(redis.call('HGETALL', delivery_key(id))) do taken[#taken + 1] = value end
  return taken
end

local answer = {}
while #answer < max do
  local hosts = redis.call('ZRANGE', HOSTS, '-inf', now, 'BYSCORE', 'LIMIT', 0, max - #answer)
  if #hosts == 0 then break end
  for _, host in ipairs(hosts) do
    take_back_ended_leases(host)
    if redis.call('ZCARD', leases_key(host)) >= per_host then
      redis.call('ZADD', HOSTS, first_score(leases_key(host)), host)
    else
      local id = redis.call('ZRANGE', pending_key(host), '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
      if id then answer[#answer + 1] = lease(id, host) end
      reschedule_host(host)
    end
  end
end
return answer
