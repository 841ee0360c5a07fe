-- How many batches may be open, and a flow's share of them: seven times as many as it leaves free, so that one flow alone leaves an
-- eighth to others. A batch is in OPEN_BATCHES until it closes. Gateways of 0.1.0 enter none and remove none; what they closed goes when
-- a batch is refused, checked once in OPEN_CHECK_MS at most.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua

-- Why a flow gets no further open batch: 'share', 'open_batches' (there are too many in all), or nil.
local function open_obstacle(flow, max)
  local all, own = 1, 1
  for _, other in ipairs(redis.call('HVALS', OPEN_BATCHES)) do
    all = all + 1
    if other == flow then own = own + 1 end
  end
  if own > 1 and own > 7 * (max - own) then return 'share' end
  if all > max then return 'open_batches' end
  if own > 1 and own > 7 * (max - all) then return 'share' end
end

local function forget_closed()
  if tonumber(redis.call('HGET', STATS, 'openChecked') or 0) > now - OPEN_CHECK_MS then return end
  redis.call('HSET', STATS, 'openChecked', now)
  for _, id in ipairs(redis.call('HKEYS', OPEN_BATCHES)) do
    local batch = redis.call('HMGET', batch_key(id), 'state', 'closedAt')
    if batch[2] or batch[1] ~= 'open' and batch[1] ~= 'building' then redis.call('HDEL', OPEN_BATCHES, id) end
  end
end

local function refuse_open(flow, max)
  if not open_obstacle(flow, max) then return nil end
  forget_closed()
  return open_obstacle(flow, max)
end
