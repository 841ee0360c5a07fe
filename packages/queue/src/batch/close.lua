-- No more appends to a batch.
-- KEYS 1 prefix  ARGV 1 batch  2 owner
-- Returns 1, or 0 when this owner has no such batch. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ./lib.lua
local id = ARGV[1]
local seen = redis.call('HMGET', batch_key(id), 'owner', 'state', 'erased')
if seen[1] ~= ARGV[2] or seen[3] then return 0 end
if seen[2] == 'open' then
  close_batch(id)
  if not redis.call('HGET', batch_key(id), 'finishedAt') then schedule_batch(id) end
end
return 1
