-- How fast a queue drains. stats.drain:<queue> is "<count> <at> <samples> <gap>":
--   count  jobs ended by workers, each weighing e^(-age/15 s), as of `at`: count/15 is the rate a second over the last half minute or so
--   gap    running mean of the milliseconds between two ends while more jobs waited, over the last 64 of `samples`
-- stats.mark:<queue> is the time of the last end that left jobs waiting; gone once the queue ran empty, so that
-- idle time is never taken for slowness.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
local TAU = 15000
local WINDOW = 64
-- One pause (a restart of all workers) must not make the mean useless.
local MAX_GAP = 10000

-- Jobs that wait in a queue; items that wait in the lanes of batches are to become some.
local function waiting_count(queue)
  local items = queue == 'bulk' and tonumber(redis.call('HGET', STATS, 'items') or 0) or 0
  return redis.call('ZCARD', waiting_key(queue)) + items
end

-- Called before something joins the queue: if that ran empty, the time until the next end says nothing of how fast it drains.
-- After a write that takes memory: once a script has written anything, a full Redis no longer refuses it.
local function begin_waiting(queue)
  if waiting_count(queue) == 0 then redis.call('HDEL', STATS, 'mark:' .. queue) end
end

local function read_drain(queue)
  local count, at, samples, gap = string.match(
    redis.call('HGET', STATS, 'drain:' .. queue) or '', '^(%S+) (%S+) (%S+) (%S+)$')
  return {
    count = tonumber(count or 0), at = tonumber(at or now), samples = tonumber(samples or 0), gap = tonumber(gap or 0),
  }
end

local function decayed_count(drain)
  return drain.count * math.exp(-math.max(0, now - drain.at) / TAU)
end

local function count_end(queue)
  local drain = read_drain(queue)
  local mark = tonumber(redis.call('HGET', STATS, 'mark:' .. queue) or nil)
  if mark then
    local sample = math.min(MAX_GAP, math.max(0, now - mark))
    drain.samples = math.min(WINDOW, drain.samples + 1)
    drain.gap = drain.gap + (sample - drain.gap) / drain.samples
  end
  redis.call('HSET', STATS, 'drain:' .. queue,
    string.format('%.6f %d %d %.3f', decayed_count(drain) + 1, now, drain.samples, drain.gap))
  if waiting_count(queue) > 0 then
    redis.call('HSET', STATS, 'mark:' .. queue, now)
  elseif mark then
    redis.call('HDEL', STATS, 'mark:' .. queue)
  end
end
