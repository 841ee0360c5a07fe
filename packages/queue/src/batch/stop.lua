-- Cancels a batch, or erases it: its active items end here, and so do the first `max` that wait. cancel-remaining.lua cancels the
-- rest, a chunk at a time.
-- Returns 1 when more remains, 0 when not, -1 when this owner has no such batch and had none lately. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../webhook/lib.lua
--- @include ./lib.lua
--- @include ./remaining-lib.lua
local id, owner, erase = args.id, args.owner, args.erase
local batch = redis.call('HMGET', batch_key(id), 'owner', 'finishedAt', 'erased', 'stopped')
if not batch[1] then
  if not erase then return -1 end
  if redis.call('GET', tombstone_key(id)) == owner then return 0 end
  -- The batch may have ended its time while the webhook was undelivered.
  local webhook = redis.call('HMGET', delivery_key(id), 'owner', 'webhookHost', 'state')
  if webhook[1] ~= owner or not webhook[3] then return -1 end
  drop_webhook(id, webhook[2])
  redis.call('SET', tombstone_key(id), owner, 'PX', args.tombstoneMs)
  return 0
end
if batch[1] ~= owner or (batch[3] and not erase) then return -1 end

local more = false
if batch[2] then
  if erase then erase_batch(id) end
else
  if not batch[4] or (erase and not batch[3]) then stop_batch(id, erase) end
  more = cancel_remaining(id, args.max)
end
if erase then redis.call('SET', tombstone_key(id), owner, 'PX', args.tombstoneMs) end
return more and 1 or 0
