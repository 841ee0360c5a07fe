-- Cancels a batch, or erases it. What of it waits is ended by `drain-batch`, a chunk at a time.
-- KEYS 1 prefix  ARGV 1 batch  2 owner  3 'cancel' or 'erase'  4 ms the tombstone of an erased one stays
-- Returns 1 when there is more to do, 0 when not, -1 when this owner has no such batch, nor had lately.
--- @include keys
--- @include clock
--- @include delivery
--- @include rate
--- @include batch
local id, erase = ARGV[1], ARGV[3] == 'erase'
local seen = redis.call('HMGET', batch_key(id), 'owner', 'finishedAt', 'erased', 'stopped')
if not seen[1] or (seen[3] and seen[1] == ARGV[2]) then
  local was = erase and redis.call('GET', tombstone_key(id)) == ARGV[2]
  return (seen[3] and erase or was) and (seen[1] and 1 or 0) or -1
end
if seen[1] ~= ARGV[2] then return -1 end
if erase then redis.call('SET', tombstone_key(id), ARGV[2], 'PX', ARGV[4]) end
if seen[2] then
  if erase then erase_batch(id) end
  return 0
end
if erase or not seen[4] then stop_batch(id, erase) end
return 1
