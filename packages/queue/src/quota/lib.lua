-- What an owner's calls use. In Redis, so that all gateways of an installation count together:
--   <prefix>:rate:<owner>    microseconds of Redis' clock up to which its calls have used the rate; absent when all of it is free
--   <prefix>:calls:<owner>   its calls in progress by the end of their leases, ms. A gateway renews the leases of its calls; those of
--                            a gateway that was killed end by themselves.
--- @include ../redis/keys.lua
local time = redis.call('TIME')
-- A call may take less than a millisecond of the rate.
local now_us = time[1] * 1000000 + time[2]

-- Up to when the rate is used. It never is for longer than a whole burst: a later time is from before Redis' clock was set back.
local function read_rate(key, whole)
  local spent_until = tonumber(redis.call('GET', key) or now_us)
  return math.min(now_us + whole, math.max(now_us, spent_until))
end

local function lease_call(key, name)
  redis.call('ZADD', key, math.floor(now_us / 1000) + CALL_LEASE_MS, name)
  redis.call('PEXPIRE', key, CALL_LEASE_MS)
end
