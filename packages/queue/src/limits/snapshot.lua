-- Figures of the whole installation.
-- Returns {now, blobBytes, resultBytes, workers, cameras, bytes Redis uses, most it may use or 0, the only flow that waits or has
-- results, or '', then for each queue: waiting, processing, ms the oldest has waited, jobs ended a second (text), ms between two ends
-- while more waited (text), reason to refuse or '',
-- 1 when it concerns that flow and no other}
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./throughput.lua
--- @include ./memory.lua
--- @include ./admission.lua
-- The only flow of which something waits or, if nothing does, of which results are kept; nil for none and for several.
local function only_flow()
  for _, queue in ipairs(QUEUES) do
    local flow = queued_flows(queue, 1)[1]
    if flow then return not another_waits(flow) and flow or nil end
  end
  if redis.call('HLEN', FLOW_RESULTS) ~= 2 then return nil end
  local fields = redis.call('HKEYS', FLOW_RESULTS)
  return fields[1] == '*' and fields[2] or fields[1]
end

local used = redis.call('HMGET', STATS, 'blobBytes', 'resultBytes')
local reply = { now, tonumber(used[1] or 0), tonumber(used[2] or 0), redis.call('HVALS', WORKERS), redis.call('ZCARD', CAMERAS) }
reply[6], reply[7] = recorded_memory()
local only = only_flow()
reply[8] = only or ''
for _, queue in ipairs(QUEUES) do
  local throughput = read_throughput(queue)
  reply[#reply + 1] = queued_count(queue)
  reply[#reply + 1] = tonumber(redis.call('HGET', STATS, 'processing:' .. queue) or 0)
  reply[#reply + 1] = oldest_age(queue)
  reply[#reply + 1] = string.format('%.3f', throughput_rate(throughput))
  reply[#reply + 1] = string.format('%.3f', throughput.interval)
  local submission = { queue = queue, count = 1, bytes = 0, limits = args.limits, in_lane = queue == 'cameras' }
  local reason = refusal(submission)
  submission.flow = only or nil
  local of_only = not reason and only and refusal(submission)
  -- A share depends on what others have, so only the script that submits refuses because of one.
  if of_only and string.sub(of_only, 1, 6) == 'share_' then of_only = nil end
  reply[#reply + 1] = reason or of_only or ''
  reply[#reply + 1] = of_only and 1 or 0
end
return reply
