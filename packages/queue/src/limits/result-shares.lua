-- A flow's share of what is kept: bytes of results, and of undelivered webhooks. As of what waits (shares.lua), a flow may have
-- TIMES_FREE times its weight times what is free. But the size of a result is not known when its job is submitted, so jobs that were
-- admitted while there was room may fill all of it, and more. Even then each flow has an equal part of a reserve, in which its pending
-- jobs count as well, and may submit at least one job.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../flow/lib.lua
--- @include ../flow/results-lib.lua
--- @include ./shares.lua

-- Why a flow may not submit `count` more; nil when it may. `flow` nil: one that has nothing yet. `kept`:
--   reason        of the refusal, when there are no other flows; with `share_` before it when there are
--   bytes, limit  of all flows: how many there are, and how many there may be
--   hash, field   where the flow's bytes are counted
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
