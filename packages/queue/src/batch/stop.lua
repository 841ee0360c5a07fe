-- Cancels a batch, or erases it: what workers have in hand of it ends here, and so do the first items that wait. The rest is for
-- `drain-batch`, a chunk at a time.
-- KEYS 1 prefix  ARGV 1 batch  2 owner  3 'cancel' or 'erase'  4 ms the tombstone of an erased one stays  5 items at most
-- Returns 1 when there is more to do, 0 when not, -1 when this owner has no such batch, nor had lately. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../webhook/lib.lua
--- @include ./lib.lua
--- @include ./cancel-remaining-lib.lua
local id, owner, erase = ARGV[1], ARGV[2], ARGV[3] == 'erase'
local seen = redis.call('HMGET', batch_key(id), 'owner', 'finishedAt', 'erased', 'stopped')
if not seen[1] then
  if not erase then return -1 end
  if redis.call('GET', tombstone_key(id)) == owner then return 0 end
  -- The batch may have ended its time with the webhook still on its way.
  local delivery = redis.call('HMGET', delivery_key(id), 'owner', 'webhookHost', 'state')
  if delivery[1] ~= owner or not delivery[3] then return -1 end
  drop_delivery(id, delivery[2])
  redis.call('SET', tombstone_key(id), owner, 'PX', ARGV[4])
  return 0
end
if seen[1] ~= owner or (seen[3] and not erase) then return -1 end

local more = false
if seen[2] then
  if erase then erase_batch(id) end
else
  if not seen[4] or (erase and not seen[3]) then stop_batch(id, erase) end
  more = drain_batch(id, tonumber(ARGV[5]))
end
if erase then redis.call('SET', tombstone_key(id), owner, 'PX', ARGV[4]) end
return more and 1 or 0
