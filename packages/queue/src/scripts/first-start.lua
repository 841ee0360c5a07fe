-- The time of this installation's first start, set by the first caller ever.
-- KEYS 1 prefix
--- @include keys
--- @include clock
local key = PREFIX .. ':first-start'
redis.call('SETNX', key, string.format('%d', now))
return tonumber(redis.call('GET', key))
