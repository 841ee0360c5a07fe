-- How much a flow may have of what is kept: bytes of results, and of webhooks to be delivered. As of what waits (shares.lua), it may have
-- TIMES_FREE times its weight times what is free. But a submission does not say how large its result will be, so what was admitted while
-- there was room may fill all of it, and more. Even then a flow gets its equal part of a reserve, in which what it has pending counts
-- as well, and at least one job.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../flow/lib.lua
--- @include ../flow/results-lib.lua
--- @include ./shares.lua

-- Why a flow may submit no `count` more; nil when it may. `flow` nil: one that has nothing yet. `kept`:
--   reason        what to answer when others are no reason
--   bytes, limit  how many there are of all flows, and may be
--   hash, field   where those of the flow are counted
--   each          what a job is expected to add
local function kept_refusal(flow, fair, count, kept)
  local bytes, limit = tonumber(kept.bytes or 0), kept.limit
  local free = limit - bytes
  if not fair then return free <= 0 and kept.reason or nil end
  if not flow or free > 0 and not near_share(bytes, free) then return nil end
  local own = tonumber(redis.call('HGET', kept.hash, kept.field) or 0)
  -- Flows with kept results, this one included; `*` is none.
  local flows = math.max(0, redis.call('HLEN', FLOW_RESULTS) - 1) + (redis.call('HEXISTS', FLOW_RESULTS, flow) == 1 and 0 or 1)
  local others = flows > 1 or another_waits(flow)
  local weight = weight_of(flow)
  if not others then weight = math.max(1, weight) end
  if own < TIMES_FREE * weight * free then return nil end
  local expected = own + kept.each * (pending_of_flow(flow) + count)
  if expected <= math.max(kept.each, limit * RESULT_RESERVE / flows) then return nil end
  return others and 'share_' .. kept.reason or kept.reason
end
