-- Whether a job may enter. `limits` = { waiting, blobBytes, resultBytes, oldest }, milliseconds and bytes.
-- The part of each limit above a queue's share is kept for the queues before it.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./throughput.lua
--- @include ./memory.lua
local SHARE = { interactive = 1, bulk = 0.8, cameras = 0.8 }
-- Ended jobs stay in BullMQ's lists until a worker skips them; with no worker they would pile up without end.
local TRANSPORT_FACTOR = 2
-- Webhooks that nobody takes are kept for a day. Those of one host may take an eighth of the result bytes, all of them half:
-- then only jobs that want that receiver told are refused, or only jobs with a webhook.
local DELIVERIES, DELIVERIES_OF_HOST = 1 / 2, 1 / 8
local MIN_RETRY, MAX_RETRY = 1000, 30000
-- The rest of Redis' memory is for what was accepted: locks, claims, results. A full Redis refuses even to hand a job to a worker.
local MEMORY_SHARE = 0.9

local function read_limits(from)
  return {
    waiting = tonumber(ARGV[from]), blobBytes = tonumber(ARGV[from + 1]),
    resultBytes = tonumber(ARGV[from + 2]), oldest = tonumber(ARGV[from + 3]),
  }
end

local function oldest_age(queue)
  local first = redis.call('ZRANGE', waiting_key(queue), 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, now - tonumber(first[2])) or 0
end

local function retry_after(ms) return math.floor(math.min(MAX_RETRY, math.max(MIN_RETRY, ms))) end

-- The reason `count` jobs of `size` bytes in all are refused and the milliseconds after which to try again; nil when they may enter.
-- `patience`: milliseconds the caller waits, nil when nobody does. `host`: of the webhook, nil for none. `laned`: they wait in a lane,
-- where the age of others says nothing: lanes take turns.
local function refusal(queue, count, size, limits, patience, host, laned)
  local share = SHARE[queue]
  local waiting, listed = 0, 0
  for _, name in ipairs(QUEUES) do
    waiting = waiting + waiting_count(name)
    listed = listed + redis.call('LLEN', bull_key(name, 'wait'))
  end
  local gap = read_drain(queue).gap
  local excess = waiting + count - limits.waiting * share
  -- A tenth of what waits has ended by then, and there is room for all that is asked for.
  if excess > 0 then return 'waiting', retry_after(math.max(waiting / 10, excess) * gap) end
  if listed + count > limits.waiting * TRANSPORT_FACTOR then return 'listed', MAX_RETRY end
  local held = redis.call('HMGET', STATS, 'blobBytes', 'resultBytes')
  if tonumber(held[1] or 0) + size > limits.blobBytes * share then return 'blob_bytes', retry_after(waiting * gap / 10) end
  if tonumber(held[2] or 0) >= limits.resultBytes * share then return 'result_bytes', MAX_RETRY end
  if memory_short(size, MEMORY_SHARE * share) then return 'memory', retry_after(waiting * gap / 10) end
  if host then
    local kept = redis.call('HMGET', STATS, 'deliveryBytes', 'deliveryBytes:' .. host)
    if tonumber(kept[2] or 0) >= limits.resultBytes * share * DELIVERIES_OF_HOST then return 'host_webhooks', MAX_RETRY end
    if tonumber(kept[1] or 0) >= limits.resultBytes * share * DELIVERIES then return 'webhooks', MAX_RETRY end
  end
  local oldest = oldest_age(queue)
  if oldest > limits.oldest * share and not laned then return 'oldest', retry_after(oldest / 10) end
  if patience then
    local estimate = redis.call('ZCARD', waiting_key(queue)) * gap
    if estimate > patience then return 'wait', retry_after(estimate - patience) end
  end
  return nil
end
