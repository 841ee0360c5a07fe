-- Figures of the whole installation.
-- Returns {now, blobBytes, resultBytes, workers, cameras, bytes Redis uses, most it may use or 0, then for each queue: waiting,
-- processing, ms the oldest has waited, jobs ended a second (text), ms between two ends while more waited (text), reason to refuse or ''}
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./throughput.lua
--- @include ./memory.lua
--- @include ./admission.lua
local used = redis.call('HMGET', STATS, 'blobBytes', 'resultBytes')
local reply = { now, tonumber(used[1] or 0), tonumber(used[2] or 0), redis.call('HVALS', WORKERS), redis.call('ZCARD', CAMERAS) }
reply[6], reply[7] = recorded_memory()
for _, queue in ipairs(QUEUES) do
  local throughput = read_throughput(queue)
  reply[#reply + 1] = queued_count(queue)
  reply[#reply + 1] = tonumber(redis.call('HGET', STATS, 'processing:' .. queue) or 0)
  reply[#reply + 1] = oldest_age(queue)
  reply[#reply + 1] = string.format('%.3f', throughput_rate(throughput))
  reply[#reply + 1] = string.format('%.3f', throughput.interval)
  reply[#reply + 1] = refusal({ queue = queue, count = 1, bytes = 0, limits = args.limits, in_lane = queue == 'cameras' }) or ''
end
return reply
