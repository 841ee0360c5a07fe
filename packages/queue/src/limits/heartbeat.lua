-- Records that a worker lives. Workers that have been silent for too long are forgotten.
-- stats.fetching:<queue> is the sum of what the workers report; admission.lua leaves these jobs out of a caller's wait.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
redis.call('HSET', WORKERS, args.id, string.format('%d ', now) .. args.info)
local fetching = {}
for _, queue in ipairs(QUEUES) do fetching[queue] = 0 end
local all = redis.call('HGETALL', WORKERS)
for i = 1, #all, 2 do
  local at, info = string.match(all[i + 1], '^(%d+) (.*)$')
  if tonumber(at) < now - args.silenceMs then
    redis.call('HDEL', WORKERS, all[i])
  else
    local worker = cjson.decode(info)
    for queue, count in pairs(worker.fetching or {}) do
      if fetching[queue] then fetching[queue] = fetching[queue] + count end
    end
  end
end
for queue, count in pairs(fetching) do
  if count > 0 then redis.call('HSET', STATS, 'fetching:' .. queue, count) else redis.call('HDEL', STATS, 'fetching:' .. queue) end
end
return now
