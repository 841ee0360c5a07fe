-- Ends a worker's lease of a task: the task is done, or due again after `delayMs`. `how` is 'release' | 'done' | 'failed'.
-- Returns 1, or 0 when its holder no longer has the lease.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local kind, id, how = args.kind, args.id, args.how
local task = task_name(kind, id)
if tonumber(redis.call('HGET', batch_key(id), kind .. 'Lease')) ~= args.lease or not redis.call('ZSCORE', TASKS, task) then return 0 end
redis.call('HINCRBY', batch_key(id), kind .. 'Lease', 1)
if how == 'release' then
  redis.call('HSET', batch_key(id), kind .. 'Status', 'waiting')
  add_task(kind, id, now + args.delayMs)
else
  redis.call('ZREM', TASKS, task)
  redis.call('HSET', batch_key(id), kind .. 'Status', how)
  if how == 'failed' then redis.call('HSET', batch_key(id), kind .. 'Code', args.errorCode, kind .. 'Detail', args.errorDetail) end
  if kind == 'write' then
    finish_batch_if_done(id)
  elseif redis.call('HGET', batch_key(id), 'state') == 'running' then
    close_batch(id)
  end
end
batch_changed(id)
return 1
