-- Handles what is due: erases ended records, expires overdue ones, requeues the jobs of dead workers, checks lane tokens, batches and
-- cameras.
-- Returns {how many it handled, {delivery id, queue, delivery id, queue, ...}, {batch, ...}, {camera, ...}}: what BullMQ has lost, which
-- the caller adds again; stopped batches, whose remaining items the caller cancels; cameras whose superseded frames the caller ends. If
-- the caller dies first, a later sweep finds them again.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../batch/lib.lua
--- @include ../camera/lib.lua
--- @include ../job/lib.lua
--- @include ../lane/lib.lua
--- @include ../flow/workers-lib.lua
--- @include ../limits/memory.lua
record_memory()
local ids = redis.call('ZRANGE', DUE, '-inf', now, 'BYSCORE', 'LIMIT', 0, args.max)
local lost_deliveries, stopped_batches, superseding_cameras = {}, {}, {}

local function lost(delivery, queue)
  lost_deliveries[#lost_deliveries + 1] = delivery
  lost_deliveries[#lost_deliveries + 1] = queue
end

check_workers()
trim_lanes()

local function cancel_remaining_later(id)
  redis.call('ZADD', DUE, now + CANCEL_REMAINING_LEASE_MS, 'batch-' .. id)
  stopped_batches[#stopped_batches + 1] = id
end

-- Most due entries are jobs that no worker has claimed and that BullMQ still has. They need nothing, so only the fields that show it are read.
local function waits_in_bullmq(id)
  local fields = redis.call('HMGET', job_key(id), 'status', 'attempts', 'queue', 'ticket', 'createdAt', 'expiresAt')
  local job = {
    id = id, status = fields[1], attempts = tonumber(fields[2]), createdAt = tonumber(fields[5]), expiresAt = tonumber(fields[6]),
  }
  if job.status ~= 'queued' or job.attempts > 0 or job.expiresAt <= now then return false end
  if redis.call('EXISTS', bull_key(fields[3], fields[4] or id)) == 0 then return false end
  schedule(job)
  return true
end

local function sweep_job(id)
  if waits_in_bullmq(id) then return end
  local job = load_job(id)
  if not job then
    redis.call('ZREM', DUE, id)
  elseif not is_live(job) then
    erase_record(job)
  else
    local unlocked = current_lock(job) == ''
    -- The claim stays: if its worker is alive after all, it may still finish until another worker claims the job.
    if job.status == 'processing' and unlocked then requeue(job, 0) end
    if job.status == 'queued' and job.expiresAt <= now then
      expire(job)
    else
      -- BullMQ does not know a frame that waits in its camera's lane: it knows the lane's token.
      local in_bullmq = job.token or not job.camera
      if unlocked and in_bullmq and redis.call('EXISTS', bull_key(job.queue, delivery_id(job))) == 0 then
        lost(delivery_id(job), job.queue)
      end
      schedule(job)
    end
  end
end

local function sweep_token(token)
  local lane, bound = read_token(token)
  if lane and bound == '' and redis.call('EXISTS', lane_hash(lane)) == 1 then
    if redis.call('EXISTS', bull_key(queue_of_lane(lane), token)) == 0 then lost(token, queue_of_lane(lane)) end
    redis.call('ZADD', DUE, now + TOKEN_CHECK_MS, token)
  else
    if lane and bound == '' then redis.call('HDEL', LANE_TOKENS, token) end
    redis.call('ZREM', DUE, token)
  end
end

local function sweep_batch(id)
  local batch = redis.call('HMGET', batch_key(id), 'state', 'lastAppend', 'finishedAt', 'expiresAt', 'stopped')
  if not batch[1] then return redis.call('ZREM', DUE, 'batch-' .. id) end
  if batch[3] then
    if tonumber(batch[4]) <= now then forget_batch(id) end
  elseif batch[5] then
    cancel_remaining_later(id)
  elseif batch[1] == 'building' and now - tonumber(batch[2]) >= BATCH_ABANDONED_MS then
    stop_batch(id, true)
    cancel_remaining_later(id)
  else
    if batch[1] == 'open' and now - tonumber(batch[2]) >= BATCH_IDLE_MS then close_batch(id) end
    if not redis.call('HGET', batch_key(id), 'finishedAt') then schedule_batch(id) end
  end
end

local function sweep_camera(name)
  local camera = redis.call('HMGET', camera_key(name), 'lastFrameAt', 'waiting', 'processing', 'turns')
  if not camera[1] then return redis.call('ZREM', DUE, 'camera-' .. name) end
  if redis.call('EXISTS', superseded_key(name)) == 1 then
    superseding_cameras[#superseding_cameras + 1] = name
    return redis.call('ZADD', DUE, now + SUPERSEDE_LEASE_MS, 'camera-' .. name)
  end
  -- A token still on its way would count for the next camera of this name.
  local idle = tonumber(camera[2]) == 0 and tonumber(camera[3]) == 0 and tonumber(camera[4]) == 0
  local at = tonumber(camera[1]) + CAMERA_FORGOTTEN_MS
  if idle and at <= now then return forget_camera(name) end
  redis.call('ZADD', DUE, math.max(at, now + CAMERA_CHECK_MS), 'camera-' .. name)
end

for _, id in ipairs(ids) do
  local batch, camera = string.match(id, '^batch%-(.*)$'), string.match(id, '^camera%-(.*)$')
  if batch then
    sweep_batch(batch)
  elseif camera then
    sweep_camera(camera)
  elseif is_token(id) then
    sweep_token(id)
  else
    sweep_job(id)
  end
end
return { #ids, lost_deliveries, stopped_batches, superseding_cameras }
