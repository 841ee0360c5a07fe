-- Figures of the whole installation.
-- KEYS 1 prefix  ARGV 1 max waiting  2 max blob bytes  3 max result bytes  4 max ms of the oldest
-- Returns {now, blobBytes, resultBytes, workers, cameras, bytes Redis uses, most it may use or 0, then for each queue: waiting, processing, ms of the oldest,
-- jobs ended a second (text), ms between two ends while more waited (text), reason to refuse or ''}
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./throughput.lua
--- @include ./memory.lua
--- @include ./admission.lua
local limits = read_limits(1)
local held = redis.call('HMGET', STATS, 'blobBytes', 'resultBytes')
local answer = { now, tonumber(held[1] or 0), tonumber(held[2] or 0), redis.call('HVALS', WORKERS), redis.call('ZCARD', CAMERAS) }
answer[6], answer[7] = noted_memory()
for _, queue in ipairs(QUEUES) do
  answer[#answer + 1] = waiting_count(queue)
  answer[#answer + 1] = tonumber(redis.call('HGET', STATS, 'processing:' .. queue) or 0)
  answer[#answer + 1] = oldest_age(queue)
  local drain = read_drain(queue)
  answer[#answer + 1] = string.format('%.3f', decayed_count(drain) * 1000 / TAU)
  answer[#answer + 1] = string.format('%.3f', drain.gap)
  answer[#answer + 1] = refusal(queue, 1, 0, limits, nil, nil, queue == 'cameras') or ''
end
return answer
