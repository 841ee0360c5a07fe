-- Puts the weights of flows in place of those known so far: `weights` = { { flow, weight }, ... } of flows that do not have 1.
--- @include ../redis/keys.lua
-- The first write takes no memory: Redis then lets the script continue even when it is full.
redis.call('DEL', WEIGHTS)
for _, each in ipairs(args.weights) do redis.call('HSET', WEIGHTS, each.flow, each.weight) end
return 1
