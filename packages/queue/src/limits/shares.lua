-- How much of what may wait a flow may have: TIMES_FREE times its weight times what would be left free (dynamic thresholds: Choudhury
-- and Hahne, 1998). So one that is alone leaves an eighth, more flows leave less and have equal parts of the rest, and there is room for
-- the first job of another. Only what no worker has claimed counts.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../flow/lib.lua

local function another_waits(flow)
  for _, queue in ipairs(QUEUES) do
    for _, other in ipairs(queued_flows(queue, 2)) do
      if other ~= flow then return true end
    end
  end
  return false
end

-- Whether `used` may be more than a flow's share of what is limited. It is not up to a third, whatever its weight: none is below 0.1.
local function near_share(used, free) return used > free / 2 end

-- The most that a flow may have where that leaves so much `free`. A flow that is alone loses nothing by a small weight.
local function share_of(flow, free)
  local weight = weight_of(flow)
  if weight < 1 and not another_waits(flow) then weight = 1 end
  return TIMES_FREE * weight * free
end

-- Jobs, items and frames of a flow that no worker has claimed, and what `count_entry` needs. A flow may have thousands of cameras: with
-- many lanes, their sum is kept for a moment, and beyond MOST_LANES a lane counts as the one entry that it has at least.
local function pending_of_flow(flow)
  local jobs, lanes = 0, 0
  for _, queue in ipairs(QUEUES) do
    jobs = jobs + redis.call('ZCARD', jobs_lane_key(queue, flow))
    lanes = lanes + redis.call('ZCARD', lanes_key(queue, flow))
  end
  local many = lanes > LANES_COUNTED
  local kept = many and redis.call('GET', flow_entries_key(flow))
  if kept then return jobs + tonumber(kept), many end
  local entries = 0
  for _, queue in ipairs(QUEUES) do
    local read = redis.call('ZRANGE', lanes_key(queue, flow), 0, MOST_LANES - 1)
    -- The lane of single jobs is no list of this name.
    for _, lane in ipairs(read) do entries = entries + redis.call('LLEN', lane_key(lane)) end
    entries = entries + redis.call('ZCARD', lanes_key(queue, flow)) - #read
  end
  -- A full Redis refuses this. Then nothing else is admitted either.
  if many then redis.pcall('SET', flow_entries_key(flow), entries, 'PX', LANES_COUNT_KEPT_MS) end
  return jobs + entries, many
end

-- How long the single job of a flow that has waited longest has done so.
local function oldest_age_of_flow(queue, flow)
  local first = redis.call('ZRANGE', jobs_lane_key(queue, flow), 0, 0, 'WITHSCORES')
  if not first[2] then return 0 end
  local time = tonumber(first[2])
  return math.max(0, now - (time < 0 and time + PASSED_OVER or time))
end

-- Why a flow may have no more waiting though there is room, and how many it has; nil when it may. `free` is what `count` more would leave.
local function flow_refusal(flow, count, most, free, waiting, in_lane)
  if not most and not near_share(waiting + count, free) then return nil end
  local share = math.max(1, share_of(flow, free))
  if not most and waiting + count <= share then return nil end
  local own, many_lanes = pending_of_flow(flow)
  if most and own + count > most then return 'own_pending', own end
  if own + count > share then return another_waits(flow) and 'share_pending' or 'waiting', own end
  if many_lanes and in_lane then redis.pcall('INCRBY', flow_entries_key(flow), count) end
  return nil
end
