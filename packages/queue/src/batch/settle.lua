-- The first items of a batch are in.
-- Returns 1, or 0 when there is no such batch. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local id = args.id
local batch = redis.call('HMGET', batch_key(id), 'state', 'open', 'listStatus')
if not batch[1] then return 0 end
if batch[1] ~= 'building' then return 1 end
if batch[2] == '1' then
  redis.call('HSET', batch_key(id), 'state', 'open', 'lastAppend', now)
else
  close_batch(id)
end
if batch[3] then add_task('list', id, now) end
if not redis.call('HGET', batch_key(id), 'finishedAt') then schedule_batch(id) end
return 1
