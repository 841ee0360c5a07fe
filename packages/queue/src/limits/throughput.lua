-- How fast the jobs of a queue end. stats.drain:<queue> is "<count> <at> <samples> <interval>":
--   count     jobs ended by workers, decayed as in rate.lua, as of `at`
--   interval  running mean of the milliseconds between two ends while more jobs waited, over the last INTERVAL_WINDOW `samples`
-- stats.mark:<queue> is the time of the last end that left jobs waiting. It is deleted when the queue runs empty, so that idle time
-- is never taken for slowness.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./rate.lua

-- Jobs that wait in a queue. Items that wait in the lanes of batches will become jobs.
local function queued_count(queue)
  local items = queue == 'bulk' and tonumber(redis.call('HGET', STATS, 'items') or 0) or 0
  return redis.call('ZCARD', waiting_key(queue)) + items
end

-- Call it before something joins the queue: if the queue was empty, the time until the next end says nothing of its speed.
-- Call it after a write that takes memory: once a script has written anything, a full Redis no longer refuses its writes.
-- `waiting`: how many wait, if the caller has counted them.
local function on_enqueue(queue, waiting)
  if (waiting or queued_count(queue)) == 0 then redis.call('HDEL', STATS, 'mark:' .. queue) end
end

local function read_throughput(queue)
  local count, at, samples, interval = string.match(
    redis.call('HGET', STATS, 'drain:' .. queue) or '', '^(%S+) (%S+) (%S+) (%S+)$')
  return {
    count = tonumber(count or 0), at = tonumber(at or now), samples = tonumber(samples or 0), interval = tonumber(interval or 0),
  }
end

-- Jobs ended a second.
local function throughput_rate(throughput) return decayed(throughput.count, throughput.at) * 1000 / RATE_TAU_MS end

local function count_end(queue)
  local throughput = read_throughput(queue)
  local mark = tonumber(redis.call('HGET', STATS, 'mark:' .. queue) or nil)
  if mark then
    local sample = math.min(MAX_INTERVAL_MS, math.max(0, now - mark))
    throughput.samples = math.min(INTERVAL_WINDOW, throughput.samples + 1)
    throughput.interval = throughput.interval + (sample - throughput.interval) / throughput.samples
  end
  redis.call('HSET', STATS, 'drain:' .. queue,
    string.format('%.6f %d %d %.3f', decayed(throughput.count, throughput.at) + 1, now, throughput.samples, throughput.interval))
  if queued_count(queue) > 0 then
    redis.call('HSET', STATS, 'mark:' .. queue, now)
  elseif mark then
    redis.call('HDEL', STATS, 'mark:' .. queue)
  end
end
