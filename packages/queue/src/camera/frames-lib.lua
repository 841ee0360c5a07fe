-- Ending the frames of a camera that wait.
--- @include ../redis/keys.lua
--- @include ../job/lib.lua

-- Ends the oldest frames of a list, at most `max`. Returns how many it took from there: some may have ended before.
local function end_listed(list, max, code, text)
  local ids = redis.call('LPOP', list, max) or {}
  for _, id in ipairs(ids) do
    local job = load_job(id)
    if job and is_live(job) then
      job.left_lane = true
      end_job(job, 'canceled', code, text)
    end
  end
  return #ids
end

local function end_superseded(name, max, code, text) return end_listed(superseded_key(name), max, code, text) end
local function end_pending(name, max, code, text)
  local count = end_listed(lane_key(camera_lane(name)), max, code, text)
  leave_if_no_frame_waits(name)
  return count
end

-- No worker gets a frame of the lane from here on. They end in later calls of end_superseded. Returns whether there are any.
local function supersede_lane(name)
  local lane = lane_key(camera_lane(name))
  local ids = redis.call('LRANGE', lane, 0, -1)
  -- Lua takes some thousand arguments at most.
  for from = 1, #ids, 1000 do
    redis.call('RPUSH', superseded_key(name), unpack(ids, from, math.min(#ids, from + 999)))
  end
  redis.call('DEL', lane)
  return #ids > 0
end

-- Ends the frames that workers have claimed, and withdraws the tokens that are on their way to a worker: those would count for the
-- next camera of this name. There are as many tokens as active jobs and lanes, so this is not for every frame.
local function end_claimed(name, code, text)
  local all = redis.call('HGETALL', LANE_TOKENS)
  for i = 1, #all, 2 do
    local lane, id = string.match(all[i + 1], '^(%S+) ?(.*)$')
    if lane == camera_lane(name) then
      local job = id ~= '' and load_job(id)
      if job and is_live(job) then end_job(job, 'canceled', code, text) end
      redis.call('HDEL', LANE_TOKENS, all[i])
      redis.call('ZREM', DUE, all[i])
    end
  end
end
