-- Reading a record and the moves between states (packages/queue/src/testing/job-model.ts is the same as a pure function).
-- Invariants, after each script:
--   a job is in waiting:<queue> exactly while its status is `queued`, counted in processing:<queue> exactly while `processing`;
--   stats.blobBytes and stats.resultBytes are the sums of those fields over all records, the latter also of deliveries (see delivery.lua);
--   a record and the reservation it names are written and erased together;
--   every record is in `due`; a terminal status never changes;
--   the record of an item of a batch lasts from its first claim to its end.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../webhook/lib.lua
--- @include ../batch/lib.lua
--- @include ../camera/lib.lua
local FIELDS = {
  'status', 'queue', 'attempts', 'claim', 'lock', 'createdAt', 'startWithin', 'expiresAt',
  'blobBytes', 'resultBytes', 'resultTtl', 'endedBy', 'owner', 'idempotency', 'unshared', 'webhookHost',
  'ticket', 'batch', 'name', 'line', 'camera', 'takenAt', 'startedAt', 'forgiven',
}
local NUMBERS = {
  attempts = true, createdAt = true, startWithin = true, expiresAt = true,
  blobBytes = true, resultBytes = true, resultTtl = true, endedBy = true, forgiven = true,
}

-- The record's fields that decide anything, or nil when there is no record.
local function load_job(id)
  local values = redis.call('HMGET', job_key(id), unpack(FIELDS))
  if not values[1] then return nil end
  local job = { id = id }
  for i, field in ipairs(FIELDS) do
    job[field] = NUMBERS[field] and tonumber(values[i]) or values[i]
  end
  return job
end

local function is_live(job) return job.status == 'queued' or job.status == 'processing' end

-- What BullMQ knows the job by: the turn that brought it, or its own id.
local function bull_id(job) return job.ticket or job.id end

-- BullMQ's lock on the job; '' when nobody holds one.
local function current_lock(job)
  return redis.call('GET', bull_key(job.queue, bull_id(job) .. ':lock')) or ''
end

-- Moves the job between the counts of its batch or camera; nil for none. Whoever calls says that they have changed.
local function count_status(job, from, to)
  local hash = job.batch and batch_key(job.batch) or job.camera and camera_key(job.camera)
  if not hash then return end
  if from then redis.call('HINCRBY', hash, from, -1) end
  if to then redis.call('HINCRBY', hash, to, 1) end
end

local function changed(job)
  redis.call('PUBLISH', PREFIX .. ':changed', job.id)
  if job.batch then batch_changed(job.batch) end
end

-- What a batch or camera calls its jobs that are `queued`.
local function waits_as(job) return job.batch and 'queued' or 'waiting' end

-- A claim lives while BullMQ's lock is the one it was made under: BullMQ takes a new one when it delivers the job again.
local function claim_lives(job)
  return job.claim ~= '' and current_lock(job) == job.lock
end

-- Whether `attempt` still names the claim that holds the job: the fencing check of start, finish and release.
local function holds(job, attempt)
  return is_live(job) and job.claim ~= '' and job.attempts == attempt
end

-- When to look whether BullMQ still has the job: after 5 s, then whenever its age has doubled, at least once a minute.
local function next_check(job)
  return now + math.min(60000, math.max(5000, now - job.createdAt))
end

local function schedule(job)
  local at = next_check(job)
  if job.status == 'queued' then at = math.min(at, job.expiresAt) end
  redis.call('ZADD', DUE, at, job.id)
end

-- processing -> queued, or queued -> queued later. The deadline to start begins anew: a job that was taken up in time
-- does not expire because its worker died. That of a frame stays: later it would be of no use.
local function requeue(job, delay)
  if job.status == 'processing' then
    redis.call('HINCRBY', STATS, 'processing:' .. job.queue, -1)
    count_status(job, 'processing', waits_as(job))
  end
  job.status = 'queued'
  if not job.camera then job.expiresAt = now + delay + job.startWithin end
  redis.call('ZADD', waiting_key(job.queue), now + delay, job.id)
  redis.call('HSET', job_key(job.id), 'status', 'queued', 'expiresAt', job.expiresAt)
  schedule(job)
  changed(job)
end

local function as_map(pairs_in_a_row)
  local map = {}
  for i = 1, #(pairs_in_a_row or {}), 2 do map[pairs_in_a_row[i]] = pairs_in_a_row[i + 1] end
  return map
end

-- Moves a live job to a terminal status and tells everybody; its webhook becomes due in the same step. Gives back what it held exactly once, because this happens once.
-- The first write frees memory: Redis then lets the script go on even when it is full.
local function end_job(job, status, code, detail, more, result_bytes)
  local bytes = result_bytes or 0
  redis.call('ZREM', DUE, job.id)
  if job.blobBytes > 0 then
    redis.call('UNLINK', blob_key(job.id))
    redis.call('HINCRBY', STATS, 'blobBytes', -job.blobBytes)
  end
  if job.status == 'queued' then
    redis.call('ZREM', waiting_key(job.queue), job.id)
    count_status(job, waits_as(job))
  else
    redis.call('HINCRBY', STATS, 'processing:' .. job.queue, -1)
    count_status(job, 'processing')
  end
  if job.ticket then redis.call('HDEL', TURNS, job.ticket) end
  local told = job.claim ~= '' and status ~= 'succeeded' and status ~= 'failed'
  if job.batch then
    end_item(job, status, code, detail, as_map(more))
    if told then redis.call('PUBLISH', PREFIX .. ':cancel', job.id) end
    return
  end
  if job.camera then end_frame(job, status, code, detail, as_map(more)) end
  if bytes > 0 then redis.call('HINCRBY', STATS, 'resultBytes', bytes) end
  local fields = {
    'status', status, 'finishedAt', now, 'expiresAt', now + job.resultTtl, 'claim', '', 'lock', '',
    'blobBytes', 0, 'resultBytes', bytes,
  }
  if code then
    fields[#fields + 1] = 'errorCode'
    fields[#fields + 1] = code
    fields[#fields + 1] = 'errorDetail'
    fields[#fields + 1] = detail
  end
  if job.webhookHost then
    for _, value in ipairs({ 'webhookStatus', 'pending', 'webhookNextAt', now }) do fields[#fields + 1] = value end
  end
  for _, value in ipairs(more or {}) do fields[#fields + 1] = value end
  redis.call('HSET', job_key(job.id), unpack(fields))
  redis.call('ZADD', DUE, now + job.resultTtl, job.id)
  if job.webhookHost then add_delivery(job_key(job.id), job.id, job.webhookHost, bytes) end
  redis.call('PUBLISH', PREFIX .. ':ended', job.id .. ' ' .. status)
  -- Whoever has it in hand drops it. The worker that finishes it itself holds no claim on it by then.
  if told then redis.call('PUBLISH', PREFIX .. ':cancel', job.id) end
end

local function expire(job)
  end_job(job, 'expired', 'expired', 'The job was not started in time.')
end

-- Erases what is left of a job but its delivery: record, result, image and reservation. The only place that gives result bytes of
-- a record back.
local function erase_record(job)
  redis.call('ZREM', DUE, job.id)
  redis.call('ZREM', waiting_key(job.queue), job.id)
  redis.call('DEL', job_key(job.id))
  if job.idempotency then redis.call('DEL', reservation_key(job.idempotency)) end
  if job.blobBytes > 0 then
    redis.call('UNLINK', blob_key(job.id))
    redis.call('HINCRBY', STATS, 'blobBytes', -job.blobBytes)
  end
  if job.resultBytes > 0 then redis.call('HINCRBY', STATS, 'resultBytes', -job.resultBytes) end
end
