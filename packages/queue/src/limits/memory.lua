-- Redis' memory, as admission sees it. `sweep` notes it once a second for every process; a note that says "full" is looked at again
-- before anybody is refused for it, so that room that has just been made counts at once.
--- @include ../redis/keys.lua

-- Bytes used, and the most that Redis may use; 0 when it has no limit.
local function memory_now()
  local said = redis.call('INFO', 'memory')
  return tonumber(said:match('used_memory:(%d+)')), tonumber(said:match('maxmemory:(%d+)'))
end

-- A Redis that is full already refuses the note: it is as full as the last one said.
local function note_memory()
  local used, limit = memory_now()
  redis.pcall('HSET', STATS, 'memoryUsed', used, 'memoryLimit', limit)
end

local function noted_memory()
  local noted = redis.call('HMGET', STATS, 'memoryUsed', 'memoryLimit')
  return tonumber(noted[1] or 0), tonumber(noted[2] or 0)
end

-- Whether `size` bytes more would take Redis past a share of its limit.
local function memory_short(size, share)
  local used, limit = noted_memory()
  if limit == 0 or used + size <= limit * share then return false end
  used, limit = memory_now()
  return limit > 0 and used + size > limit * share
end
