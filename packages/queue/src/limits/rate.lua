-- How often something has happened lately: a field "<count> <at>", each time weighing e^(-age/15 s), as of `at`; count/15 is the
-- rate a second over the last half minute or so (packages/queue/src/limits/rate.ts reads it).
--- @include ../redis/clock.lua
local RATE_TAU = 15000

local function count_once(key, field)
  local count, at = string.match(redis.call('HGET', key, field) or '', '^(%S+) (%S+)$')
  local left = (tonumber(count) or 0) * math.exp(-math.max(0, now - (tonumber(at) or now)) / RATE_TAU)
  redis.call('HSET', key, field, string.format('%.6f %d', left + 1, now))
end
