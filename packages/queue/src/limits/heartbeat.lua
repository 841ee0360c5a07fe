-- A worker says it lives; those not heard of for a while are forgotten.
-- KEYS 1 prefix  ARGV 1 worker id  2 what it says of itself (JSON)  3 ms after which a silent worker is forgotten
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
redis.call('HSET', WORKERS, ARGV[1], string.format('%d ', now) .. ARGV[2])
local all = redis.call('HGETALL', WORKERS)
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^(%d+) '))
  if at < now - tonumber(ARGV[3]) then redis.call('HDEL', WORKERS, all[i]) end
end
return now
