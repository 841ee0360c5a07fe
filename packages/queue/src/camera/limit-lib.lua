-- How many cameras there may be, and which gives way to another.
-- A camera counts once a frame of it could be decoded; of cameras of which none could be yet there may be as many again, so names that
-- somebody makes up displace each other and no camera that works. Both kinds are shared by flows: a share binds only against others,
-- and a flow alone leaves a reserve of CAMERA_RESERVE to those that come.
-- Invariant: a camera with a `kind` is in flow_cameras_key of it, and counts in flow_counts_key and in stats. Cameras that a gateway of
-- 0.1.0 made get theirs with their next frame; entries whose camera it has forgotten go when they are the longest idle ones.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ./frames-lib.lua
--- @include ../lane/lib.lua

local function enter_kind(name, kind, flow, last_frame_at)
  redis.call('HSET', camera_key(name), 'kind', kind, 'flow', flow)
  redis.call('ZADD', flow_cameras_key(kind, flow), last_frame_at, name)
  redis.call('ZINCRBY', flow_counts_key(kind), 1, flow)
  redis.call('HINCRBY', STATS, 'cameras:' .. kind, 1)
end

-- The longest idle camera of a flow is forgotten; with `busy` also one whose frames wait or are processed, which end canceled. Returns
-- whether one was. Only a few are looked at, and those with many frames are passed over, so that the script stays short.
local function give_way(kind, flow, busy)
  for _, name in ipairs(redis.call('ZRANGE', flow_cameras_key(kind, flow), 0, CAMERAS_TRIED - 1)) do
    local camera = redis.call('HMGET', camera_key(name), 'waiting', 'processing', 'turns')
    if not camera[1] then
      leave_kind(name, kind, flow)
      return true
    end
    local waiting, idle = tonumber(camera[1]), tonumber(camera[1]) == 0 and tonumber(camera[2]) == 0
    if idle or busy and waiting <= CAMERA_FRAMES_ENDED then
      end_superseded(name, waiting, 'canceled', CAMERA_DISPLACED_TEXT)
      end_pending(name, waiting, 'canceled', CAMERA_DISPLACED_TEXT)
      if not idle or tonumber(camera[3]) > 0 then end_claimed(name, 'canceled', CAMERA_DISPLACED_TEXT) end
      forget_camera(name)
      return true
    end
  end
  return false
end

-- Makes room for one more camera of a kind. Returns nil, or why there is none: 'share', the flow has its share and none is idle, or
-- 'cameras', others have not left it any.
local function make_room(kind, flow, max)
  local total = tonumber(redis.call('HGET', STATS, 'cameras:' .. kind) or 0)
  local own = tonumber(redis.call('ZSCORE', flow_counts_key(kind), flow) or 0)
  local flows = redis.call('ZCARD', flow_counts_key(kind)) + (own == 0 and 1 or 0)
  local unreserved = max - math.floor(max * CAMERA_RESERVE)
  local share = math.min(unreserved, max / flows)
  if total < unreserved or total < max and own < share then return nil end
  if own >= share then return not give_way(kind, flow, false) and 'share' or nil end
  local largest = redis.call('ZREVRANGE', flow_counts_key(kind), 0, 0, 'WITHSCORES')
  return not give_way(kind, largest[1], tonumber(largest[2]) > math.ceil(share)) and 'cameras' or nil
end

-- A frame of the camera could be decoded: it counts from now on, if there is room. If not, its next frame tries again.
local function count_camera(name)
  local camera = redis.call('HMGET', camera_key(name), 'kind', 'flow', 'lastFrameAt')
  if camera[1] ~= 'undecoded' then return end
  local max = tonumber(redis.call('HGET', STATS, 'maxCameras') or MAX_CAMERAS)
  if make_room('decoded', camera[2], max) then return end
  leave_kind(name, 'undecoded', camera[2])
  enter_kind(name, 'decoded', camera[2], camera[3])
end
