-- How often something has happened lately: a field "<count> <at>" in which each event weighs e^(-age / RATE_TAU_MS), as of `at`
-- (rate.ts reads it).
--- @include ../redis/clock.lua

local function decayed(count, at) return count * math.exp(-math.max(0, now - at) / RATE_TAU_MS) end

local function count_event(key, field)
  local count, at = string.match(redis.call('HGET', key, field) or '', '^(%S+) (%S+)$')
  local remaining = decayed(tonumber(count) or 0, tonumber(at) or now)
  redis.call('HSET', key, field, string.format('%.6f %d', remaining + 1, now))
end
