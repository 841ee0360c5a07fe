-- Looks at what is due: erases ended records, expires overdue ones, takes dead workers' jobs back, sees to turns, batches and cameras.
-- KEYS 1 prefix  ARGV 1 how many at most
-- Returns {how many were looked at, {ticket, queue, ticket, queue, ...}, {batch, ...}}: what BullMQ has lost, which the caller adds
-- again, and stopped batches, which it drains. Should the caller die first, a later look finds them again.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../batch/lib.lua
--- @include ../camera/lib.lua
--- @include ../job/lib.lua
--- @include ../lane/lib.lua
--- @include ../limits/memory.lua
note_memory()
local ids = redis.call('ZRANGE', DUE, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
local lost_tickets, stopped_batches = {}, {}

local function lost(ticket, queue)
  lost_tickets[#lost_tickets + 1] = ticket
  lost_tickets[#lost_tickets + 1] = queue
end

local function to_drain(id)
  redis.call('ZADD', DUE, now + DRAIN_LEASE, 'batch-' .. id)
  stopped_batches[#stopped_batches + 1] = id
end

local function see_to_job(id)
  local job = load_job(id)
  if not job then
    redis.call('ZREM', DUE, id)
  elseif not is_live(job) then
    erase_record(job)
  else
    local unlocked = current_lock(job) == ''
    -- The claim stays: should its worker be alive after all, it may still finish until another claims the job.
    if job.status == 'processing' and unlocked then requeue(job, 0) end
    if job.status == 'queued' and job.expiresAt <= now then
      expire(job)
    else
      -- A frame in its camera's lane is brought by a turn, not by its own id.
      local called = job.ticket or not job.camera
      if unlocked and called and redis.call('EXISTS', bull_key(job.queue, bull_id(job))) == 0 then lost(bull_id(job), job.queue) end
      schedule(job)
    end
  end
end

local function see_to_turn(turn)
  local lane, bound = read_turn(turn)
  if lane and bound == '' and redis.call('EXISTS', lane_hash(lane)) == 1 then
    if redis.call('EXISTS', bull_key(queue_of(lane), turn)) == 0 then lost(turn, queue_of(lane)) end
    redis.call('ZADD', DUE, now + TURN_CHECK, turn)
  else
    if lane and bound == '' then redis.call('HDEL', TURNS, turn) end
    redis.call('ZREM', DUE, turn)
  end
end

local function see_to_batch(id)
  local seen = redis.call('HMGET', batch_key(id), 'state', 'lastAppend', 'finishedAt', 'expiresAt', 'stopped')
  if not seen[1] then return redis.call('ZREM', DUE, 'batch-' .. id) end
  if seen[3] then
    if tonumber(seen[4]) <= now then forget_batch(id) end
  elseif seen[5] then
    to_drain(id)
  elseif seen[1] == 'building' and now - tonumber(seen[2]) >= ABANDONED then
    stop_batch(id, true)
    to_drain(id)
  else
    if seen[1] == 'open' and now - tonumber(seen[2]) >= IDLE then close_batch(id) end
    if not redis.call('HGET', batch_key(id), 'finishedAt') then schedule_batch(id) end
  end
end

local function see_to_camera(name)
  local seen = redis.call('HMGET', camera_key(name), 'lastFrameAt', 'waiting', 'processing', 'turns')
  if not seen[1] then return redis.call('ZREM', DUE, 'camera-' .. name) end
  -- A turn that is still on its way would be counted to the next camera of this name.
  local idle = tonumber(seen[2]) == 0 and tonumber(seen[3]) == 0 and tonumber(seen[4]) == 0
  local at = tonumber(seen[1]) + FORGOTTEN
  if idle and at <= now then return forget_camera(name) end
  redis.call('ZADD', DUE, math.max(at, now + 60000), 'camera-' .. name)
end

for _, id in ipairs(ids) do
  local batch, camera = string.match(id, '^batch%-(.*)$'), string.match(id, '^camera%-(.*)$')
  if batch then
    see_to_batch(batch)
  elseif camera then
    see_to_camera(camera)
  elseif is_turn(id) then
    see_to_turn(id)
  else
    see_to_job(id)
  end
end
return { #ids, lost_tickets, stopped_batches }
