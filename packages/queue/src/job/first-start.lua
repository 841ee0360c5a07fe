-- The time of this installation's first start, set by the first caller ever.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
local key = PREFIX .. ':first-start'
redis.call('SETNX', key, string.format('%d', now))
return tonumber(redis.call('GET', key))
