-- Closes a batch: no more appends.
-- Returns 1, or 0 when this owner has no such batch. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ./lib.lua
local id = args.id
local batch = redis.call('HMGET', batch_key(id), 'owner', 'state', 'erased')
if batch[1] ~= args.owner or batch[3] then return 0 end
if batch[2] == 'open' then
  close_batch(id)
  if not redis.call('HGET', batch_key(id), 'finishedAt') then schedule_batch(id) end
end
return 1
