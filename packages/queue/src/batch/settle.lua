-- The first items of a batch are in.
-- KEYS 1 prefix  ARGV 1 batch
-- Returns 1, or 0 when there is no such batch. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local id = ARGV[1]
local seen = redis.call('HMGET', batch_key(id), 'state', 'open', 'listStatus')
if not seen[1] then return 0 end
if seen[1] ~= 'building' then return 1 end
if seen[2] == '1' then
  redis.call('HSET', batch_key(id), 'state', 'open', 'lastAppend', now)
else
  close_batch(id)
end
if seen[3] then add_task('list', id, now) end
if not redis.call('HGET', batch_key(id), 'finishedAt') then schedule_batch(id) end
return 1
