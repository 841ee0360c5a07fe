-- Cameras: their counts and the results of their frames.
-- Invariants, after each script:
--   posted = waiting + processing + succeeded + failed + superseded + expired + canceled;
--   waiting and processing are the camera's live frames by status; the lane has those that no worker has claimed, except superseded
--   ones that have not ended yet (superseded_key);
--   resultBytes and blobBytes of the hash are what its kept results and its waiting frames take, which stats' include;
--   a camera is in `cameras`, and in `due` as "camera-<name>".
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../limits/rate.lua
--- @include ../flow/lib.lua
--- @include ../erasure/lib.lua
--- @include ../flow/results-lib.lua

local function camera_lane(name) return 'camera:' .. name end

-- The flow of the frames that wait: that of the first of them.
local function flow_of_camera(name)
  return redis.call('HGET', camera_key(name), 'laneFlow') or string.match(name, '^([^/]*)')
end

local function leave_if_no_frame_waits(name)
  leave_if_empty('cameras', flow_of_camera(name), camera_lane(name))
end
local function camera_changed(name) redis.call('PUBLISH', PREFIX .. ':changed', 'camera:' .. name) end

-- Several flows may post to a camera. Its results count with the flow that made it, or with its owner where that flow is not known when
-- the first result is kept.
local function charge_camera(name, bytes)
  if bytes == 0 then return end
  local kept = redis.call('HINCRBY', camera_key(name), 'resultBytes', bytes)
  local camera = redis.call('HMGET', camera_key(name), 'resultEpoch', 'resultFlow', 'flow')
  local flow = camera[2] or camera[3] or string.match(name, '^([^/]*)')
  local epoch = charge_results(flow, bytes, kept, camera[1])
  if epoch ~= camera[1] then redis.call('HSET', camera_key(name), 'resultEpoch', epoch, 'resultFlow', flow) end
end

local function entry_bytes(fields)
  local bytes = RESULT_OVERHEAD_BYTES
  for i = 2, #fields, 2 do bytes = bytes + #tostring(fields[i]) end
  return bytes
end

-- Drops the oldest results so that one of `bytes`, which has just been added, fits. Returns the bytes that were dropped.
local function trim_frames(name, bytes)
  local before = tonumber(redis.call('HGET', camera_key(name), 'resultBytes') or 0)
  local freed = 0
  while before + bytes - freed > CAMERA_RESULT_BYTES or redis.call('XLEN', frames_key(name)) > CAMERA_RESULTS do
    local first = redis.call('XRANGE', frames_key(name), '-', '+', 'COUNT', 1)[1]
    if not first then break end
    freed = freed + entry_bytes(first[2])
    redis.call('XDEL', frames_key(name), first[1])
    count_erasure()
  end
  return freed
end

-- A frame has ended. `outcome`: field -> text of what its job learned.
local function end_frame(job, status, code, detail, outcome)
  local name = job.camera
  redis.call('HINCRBY', camera_key(name), code == 'superseded' and 'superseded' or status, 1)
  if not job.token and not job.left_lane then
    redis.call('LREM', lane_key(camera_lane(name)), 1, job.id)
    -- The frame that replaces it has its place among the flows: else a camera that posts often would never get there.
    if code ~= 'superseded' then leave_if_no_frame_waits(name) end
  end
  if job.blobBytes > 0 then redis.call('HINCRBY', camera_key(name), 'blobBytes', -job.blobBytes) end
  if status ~= 'succeeded' and status ~= 'failed' then return end
  local place = string.format('%d-0', redis.call('HINCRBY', camera_key(name), 'ended', 1))
  local fields = { 'j', job.id, 's', status, 'b', job.createdAt, 't', now }
  local more = {
    k = job.takenAt or nil, a = job.startedAt or nil, c = code, d = detail,
    f = outcome.image, m = outcome.timings, r = outcome.result, x = outcome.details,
  }
  for field, value in pairs(more) do
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
  redis.call('XADD', frames_key(name), place, unpack(fields))
  local bytes = entry_bytes(fields)
  charge_camera(name, bytes - trim_frames(name, bytes))
  redis.call('HSET', camera_key(name), 'lastResultAt', now)
  count_event(camera_key(name), 'processedRate')
  camera_changed(name)
end

-- The camera no longer counts among those of a kind (limit-lib.lua).
local function leave_kind(name, kind, flow)
  if redis.call('ZREM', flow_cameras_key(kind, flow), name) == 0 then return end
  redis.call('HINCRBY', STATS, 'cameras:' .. kind, -1)
  local left = tonumber(redis.call('ZINCRBY', flow_counts_key(kind), -1, flow))
  if left <= 0 then redis.call('ZREM', flow_counts_key(kind), flow) end
end

local function forget_camera(name)
  leave_flow('cameras', flow_of_camera(name), camera_lane(name))
  local counted = redis.call('HMGET', camera_key(name), 'kind', 'flow')
  if counted[1] then leave_kind(name, counted[1], counted[2]) end
  charge_camera(name, 0 - tonumber(redis.call('HGET', camera_key(name), 'resultBytes') or 0))
  redis.call('UNLINK', frames_key(name), lane_key(camera_lane(name)), superseded_key(name))
  redis.call('DEL', camera_key(name))
  count_erasure()
  redis.call('ZREM', CAMERAS, name)
  redis.call('ZREM', DUE, 'camera-' .. name)
end

-- Removes an aborted frame from its camera.
local function abort_frame(job)
  redis.call('HINCRBY', camera_key(job.camera), 'posted', -1)
  redis.call('HINCRBY', camera_key(job.camera), 'waiting', -1)
  redis.call('HINCRBY', camera_key(job.camera), 'blobBytes', 0 - job.blobBytes)
  redis.call('LREM', lane_key(camera_lane(job.camera)), 1, job.id)
  leave_if_no_frame_waits(job.camera)
end
