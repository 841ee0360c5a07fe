-- Records that a worker lives. Workers that have been silent for too long are forgotten.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
redis.call('HSET', WORKERS, args.id, string.format('%d ', now) .. args.info)
local all = redis.call('HGETALL', WORKERS)
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^(%d+) '))
  if at < now - args.silenceMs then redis.call('HDEL', WORKERS, all[i]) end
end
return now
