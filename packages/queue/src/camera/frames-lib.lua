-- Ending the frames of a camera that wait.
--- @include ../redis/keys.lua
--- @include ../job/lib.lua

-- Ends the oldest superseded frames, at most `max`. Returns how many it took from their list: some may have ended before.
local function end_superseded(name, max, code, text)
  local ids = redis.call('LPOP', superseded_key(name), max) or {}
  for _, id in ipairs(ids) do
    local job = load_job(id)
    if job and is_live(job) then
      job.left_lane = true
      end_job(job, 'canceled', code, text)
    end
  end
  return #ids
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
