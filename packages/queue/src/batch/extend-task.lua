-- Extends the lease of a task and, with `saves`, saves its state.
-- Returns 1, or 0 when its holder no longer has the lease. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local kind, id = args.kind, args.id
local task = task_name(kind, id)
if tonumber(redis.call('HGET', batch_key(id), kind .. 'Lease')) ~= args.lease or not redis.call('ZSCORE', TASKS, task) then return 0 end
redis.call('ZADD', TASKS, now + args.leaseMs, task)
if args.saves then redis.call('HSET', batch_key(id), kind .. 'State', args.state, kind .. 'Tries', 0) end
return 1
