-- Prolongs the lease of a task, and keeps its state.
-- KEYS 1 prefix  ARGV 1 kind  2 batch  3 lease  4 ms the lease lasts from now  5 '1' with a state  6 the state
-- Returns 1, or 0 when the lease is not its holder's any more. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
local kind, id = ARGV[1], ARGV[2]
local task = kind .. ' ' .. id
if redis.call('HGET', batch_key(id), kind .. 'Lease') ~= ARGV[3] or not redis.call('ZSCORE', TASKS, task) then return 0 end
redis.call('ZADD', TASKS, now + tonumber(ARGV[4]), task)
if ARGV[5] == '1' then redis.call('HSET', batch_key(id), kind .. 'State', ARGV[6], kind .. 'Tries', 0) end
return 1
