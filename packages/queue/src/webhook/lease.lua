-- Leases webhooks that are due, one of each host in turn, so that a host with many costs the others nothing.
-- Returns {{id, attempt, field, value, field, value, ...}, ...}: the fields of the ended record.
-- Invariant: each attempt number of a webhook is given out once. A lease that ended frees its host's place here.
-- Each check of a host leases a webhook or moves the host into the future, so the loop ends. A host at its limit is checked once,
-- however many of its webhooks wait.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local function end_leases(host)
  for _, id in ipairs(redis.call('ZRANGE', leases_key(host), '-inf', now, 'BYSCORE')) do
    redis.call('ZREM', leases_key(host), id)
    redis.call('ZADD', pending_key(host), now, id)
  end
end

local function lease(id, host)
  redis.call('ZREM', pending_key(host), id)
  redis.call('ZADD', leases_key(host), now + args.leaseMs, id)
  local attempt = redis.call('HINCRBY', delivery_key(id), 'webhookTries', 1)
  local leased = { id, attempt }
  for _, value in ipairs(redis.call('HGETALL', delivery_key(id))) do leased[#leased + 1] = value end
  return leased
end

local leases = {}
while #leases < args.max do
  local hosts = redis.call('ZRANGE', HOSTS, '-inf', now, 'BYSCORE', 'LIMIT', 0, args.max - #leases)
  if #hosts == 0 then break end
  for _, host in ipairs(hosts) do
    end_leases(host)
    if redis.call('ZCARD', leases_key(host)) >= args.perHost then
      redis.call('ZADD', HOSTS, first_score(leases_key(host)), host)
    else
      local id = redis.call('ZRANGE', pending_key(host), '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
      if id then leases[#leases + 1] = lease(id, host) end
      reschedule_host(host)
    end
  end
end
return leases
