-- Admits a camera's frame or refuses it. `camera` is "<owner>/<name>".
-- Returns {'ok', createdAt, expiresAt, more, token, token, ...}: lane tokens for BullMQ, and whether superseded frames remain (0 or 1) |
--       {'full', reason, ms to try again} | {'share', ms to try again}: the flow has its share of the cameras | {'exists'}
-- Invariant: with `keep` = 'latest' no worker gets another frame of the camera that has not been claimed yet. The script ends at most
-- `max` of them, so that Redis does not stand still; its caller ends what remains, or the sweep if the caller dies.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../limits/rate.lua
--- @include ./lib.lua
--- @include ./frames-lib.lua
--- @include ./limit-lib.lua
--- @include ../job/lib.lua
--- @include ../lane/lib.lua
--- @include ../limits/throughput.lua
--- @include ../limits/admission.lua
-- Lua takes 200 local variables in a function, the script itself included.
local function post_frame()
  local id, name, keep, blob, limits = args.id, args.camera, args.keep, args.blob, args.limits
  if redis.call('EXISTS', job_key(id)) == 1 then return { 'exists' } end

  local camera = redis.call('HMGET', camera_key(name), 'createdAt', 'blobBytes', 'kind', 'flow', 'succeeded')
  local lane = camera_lane(name)
  local replaced, freed = {}, 0
  local oldest = keep == 'latest' and redis.call('LRANGE', lane_key(lane), 0, args.max - 1) or {}
  if keep == 'latest' then
    for _, other in ipairs(oldest) do
      local job = load_job(other)
      if job and is_live(job) then
        replaced[#replaced + 1] = job
        freed = freed + job.blobBytes
      end
    end
  else
    local share = QUEUE_SHARE.cameras * CAMERA_SHARE
    local full = redis.call('LLEN', lane_key(lane)) + 1 > math.max(1, limits.maxWaiting * share)
      or tonumber(camera[2] or 0) > 0 and tonumber(camera[2]) + #blob > limits.maxBlobBytes * share
    if full then return { 'full', 'camera', retry_after(CAMERA_RETRY_MS) } end
  end
  local flow = args.flow or args.owner
  local reason, retry = refusal({
    queue = 'cameras', count = 1 - #replaced, bytes = #blob - freed, limits = limits, in_lane = true,
    flow = flow, most_of_flow = args.maxPending,
  })
  if reason then return { 'full', reason, retry } end
  -- A camera that a gateway of 0.1.0 made has no kind.
  local kind = not camera[3] and (tonumber(camera[5] or 0) > 0 and 'decoded' or 'undecoded')
  if kind then
    local no_room = make_room(kind, flow, args.maxCameras)
    if no_room and not camera[1] then
      if no_room == 'share' then return { 'share', MAX_RETRY_MS } end
      return { 'full', no_room, MAX_RETRY_MS }
    end
    if no_room then kind = nil end
  end
  for _, job in ipairs(replaced) do end_job(job, 'canceled', 'superseded', SUPERSEDED_TEXT) end
  local more = #oldest == args.max and supersede_lane(name)

  if not camera[1] then
    -- Results are numbered from the time on: a client that still follows a forgotten camera does not wait for numbers it has passed.
    redis.call('HSET', camera_key(name), 'createdAt', now, 'posted', 0, 'waiting', 0, 'processing', 0, 'succeeded', 0, 'failed', 0,
      'superseded', 0, 'expired', 0, 'canceled', 0, 'ended', now, 'resultBytes', 0, 'blobBytes', 0, 'turns', 0)
    redis.call('ZADD', DUE, now + CAMERA_FORGOTTEN_MS, 'camera-' .. name)
  end
  local expires = now + args.startTimeoutMs
  redis.call('HSET', job_key(id),
    'status', 'queued', 'queue', 'cameras', 'source', 'inline', 'options', args.options.options, 'requestId', args.requestId, 'owner', args.owner,
    'createdAt', now, 'startWithin', args.startTimeoutMs, 'expiresAt', expires, 'resultTtl', args.resultTtlMs,
    'attempts', 0, 'claim', '', 'lock', '', 'blobBytes', #blob, 'resultBytes', 0, 'camera', name)
  if args.options.more then redis.call('HSET', job_key(id), 'moreOptions', args.options.more) end
  if args.flow then redis.call('HSET', job_key(id), 'flow', args.flow) end
  if args.takenAt then redis.call('HSET', job_key(id), 'takenAt', args.takenAt) end
  if #blob > 0 then redis.call('SET', blob_key(id), blob) end
  charge_blob(flow, #blob)
  redis.call('HINCRBY', camera_key(name), 'blobBytes', #blob)
  redis.call('HINCRBY', camera_key(name), 'posted', 1)
  redis.call('HINCRBY', camera_key(name), 'waiting', 1)
  redis.call('HSET', camera_key(name), 'keep', keep, 'lastFrameAt', now, 'lastJob', id)
  count_event(camera_key(name), 'postedRate')
  redis.call('ZADD', CAMERAS, now, name)
  if kind then
    enter_kind(name, kind, flow, now)
    redis.call('HSET', STATS, 'maxCameras', args.maxCameras)
  elseif camera[3] then
    redis.call('ZADD', flow_cameras_key(camera[3], camera[4]), now, name)
  end
  on_enqueue('cameras')
  redis.call('ZADD', waiting_key('cameras'), now, id)
  if redis.call('RPUSH', lane_key(lane), id) == 1 and flow_of_camera(name) ~= flow then
    leave_flow('cameras', flow_of_camera(name), lane)
    redis.call('HSET', camera_key(name), 'laneFlow', flow)
  end
  if is_fair() then join_flow('cameras', flow_of_camera(name), lane) end
  schedule({ id = id, status = 'queued', createdAt = now, expiresAt = expires })
  if more then redis.call('ZADD', DUE, now + SUPERSEDE_LEASE_MS, 'camera-' .. name) end
  return { 'ok', now, expires, more and 1 or 0, unpack(issue_tokens(lane)) }
end

return post_frame()
