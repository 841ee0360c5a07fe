-- Redis' memory, as admission sees it. `sweep` records it once a second for all processes. Before admission refuses because of such
-- a record, memory is measured again, so that room that was just freed counts at once.
--- @include ../redis/keys.lua

-- Bytes used, and the most that Redis may use; 0 when it has no limit.
local function measure_memory()
  local info = redis.call('INFO', 'memory')
  return tonumber(info:match('used_memory:(%d+)')), tonumber(info:match('maxmemory:(%d+)'))
end

-- A full Redis refuses this write. The last record then still says that it is full.
local function record_memory()
  local used, limit = measure_memory()
  redis.pcall('HSET', STATS, 'memoryUsed', used, 'memoryLimit', limit)
end

local function recorded_memory()
  local recorded = redis.call('HMGET', STATS, 'memoryUsed', 'memoryLimit')
  return tonumber(recorded[1] or 0), tonumber(recorded[2] or 0)
end

-- Whether `bytes` more would take Redis past a share of its limit.
local function memory_short(bytes, share)
  local used, limit = recorded_memory()
  if limit == 0 or used + bytes <= limit * share then return false end
  used, limit = measure_memory()
  return limit > 0 and used + bytes > limit * share
end
