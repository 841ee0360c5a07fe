-- A worker is done with a task, for now or for good.
-- KEYS 1 prefix  ARGV 1 kind  2 batch  3 lease  4 'release' | 'done' | 'failed'  5 ms after which a released one is due  6 error code  7 error detail
-- Returns 1, or 0 when the lease is not its holder's any more.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local kind, id, how = ARGV[1], ARGV[2], ARGV[4]
local task = task_name(kind, id)
if redis.call('HGET', batch_key(id), kind .. 'Lease') ~= ARGV[3] or not redis.call('ZSCORE', TASKS, task) then return 0 end
redis.call('HINCRBY', batch_key(id), kind .. 'Lease', 1)
if how == 'release' then
  redis.call('HSET', batch_key(id), kind .. 'Status', 'waiting')
  add_task(kind, id, now + tonumber(ARGV[5]))
else
  redis.call('ZREM', TASKS, task)
  redis.call('HSET', batch_key(id), kind .. 'Status', how)
  if how == 'failed' then redis.call('HSET', batch_key(id), kind .. 'Code', ARGV[6], kind .. 'Detail', ARGV[7]) end
  if kind == 'write' then
    look_whether_done(id)
  elseif redis.call('HGET', batch_key(id), 'state') == 'running' then
    close_batch(id)
  end
end
batch_changed(id)
return 1
