-- Leases a batch's task that is due.
-- Returns {kind, batch, lease, tries, state}, or nil when none is due.
-- Invariant: each lease number of a task is given out once.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
while true do
  local task = redis.call('ZRANGE', TASKS, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
  if not task then return nil end
  local kind, id = string.match(task, '^(%a+) (.*)$')
  if redis.call('EXISTS', batch_key(id)) == 1 then
    redis.call('ZADD', TASKS, now + args.leaseMs, task)
    redis.call('HSET', batch_key(id), kind .. 'Status', 'running')
    local lease = redis.call('HINCRBY', batch_key(id), kind .. 'Lease', 1)
    local tries = redis.call('HINCRBY', batch_key(id), kind .. 'Tries', 1)
    redis.call('PUBLISH', PREFIX .. ':changed', id)
    return { kind, id, lease, tries, redis.call('HGET', batch_key(id), kind .. 'State') or '' }
  end
  redis.call('ZREM', TASKS, task)
end
