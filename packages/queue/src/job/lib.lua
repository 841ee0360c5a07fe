-- Reading a job's record and the moves between its states (testing/job-model.ts is the same table).
-- Invariants, after each script:
--   a job is in waiting:<queue> exactly while its status is `queued`, counted in processing:<queue> exactly while `processing`;
--   stats.blobBytes and stats.resultBytes are the sums of those fields over all records, the latter also of webhooks (webhook/lib.lua);
--   a record and the reservation it names are written and erased together;
--   every record is in `due`; a terminal status never changes;
--   the record of an item of a batch lasts from its first claim to its end.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../webhook/lib.lua
--- @include ../batch/lib.lua
--- @include ../camera/lib.lua
--- @include ../flow/lib.lua
--- @include ../flow/bytes-lib.lua
--- @include ../flow/results-lib.lua
--- @include ../erasure/lib.lua
local FIELDS = {
  'status', 'queue', 'attempts', 'claim', 'lock', 'createdAt', 'startWithin', 'expiresAt',
  'blobBytes', 'resultBytes', 'resultEpoch', 'resultTtl', 'endedBy', 'owner', 'flow', 'idempotency', 'unshared', 'webhookHost',
  'ticket', 'batch', 'name', 'line', 'camera', 'takenAt', 'startedAt', 'forgiven',
}
local NUMBERS = {
  attempts = true, createdAt = true, startWithin = true, expiresAt = true,
  blobBytes = true, resultBytes = true, resultTtl = true, endedBy = true, forgiven = true,
}

-- The fields of the record that decide anything, or nil when there is no record. The stored field `ticket`, the lane token that
-- brought the job, is `token` here.
local function load_job(id)
  local values = redis.call('HMGET', job_key(id), unpack(FIELDS))
  if not values[1] then return nil end
  local job = { id = id }
  for i, field in ipairs(FIELDS) do
    job[field] = NUMBERS[field] and tonumber(values[i]) or values[i]
  end
  job.token = job.ticket
  job.flow = job.flow or job.owner or ''
  return job
end

local function is_live(job) return job.status == 'queued' or job.status == 'processing' end

-- What BullMQ knows the job by: a lane token or its own id.
local function delivery_id(job) return job.token or job.id end

-- BullMQ's lock on the job; '' when nobody has locked it.
local function current_lock(job)
  return redis.call('GET', bull_key(job.queue, delivery_id(job) .. ':lock')) or ''
end

-- Moves the job between the counts of its batch or camera; nil for none. The caller publishes the change.
local function count_status(job, from, to)
  local hash = job.batch and batch_key(job.batch) or job.camera and camera_key(job.camera)
  if not hash then return end
  if from then redis.call('HINCRBY', hash, from, -1) end
  if to then redis.call('HINCRBY', hash, to, 1) end
end

local function job_changed(job)
  redis.call('PUBLISH', PREFIX .. ':changed', job.id)
  if job.batch then batch_changed(job.batch) end
end

-- What a batch or camera calls its `queued` jobs.
local function queued_count(job) return job.batch and 'queued' or 'waiting' end

-- A claim lives while BullMQ's lock is the one it was made under: BullMQ makes a new one when it delivers the job again.
local function claim_lives(job)
  return job.claim ~= '' and current_lock(job) == job.lock
end

-- Whether `attempt` still names the claim in force: the fencing check of start, finish and release.
local function is_current(job, attempt)
  return is_live(job) and job.claim ~= '' and job.attempts == attempt
end

-- When to look whether BullMQ still has the job: whenever its age has doubled.
local function next_check(job)
  local most = job.attempts == 0 and MAX_UNCLAIMED_CHECK_MS or MAX_JOB_CHECK_MS
  return now + math.min(most, math.max(MIN_JOB_CHECK_MS, now - job.createdAt))
end

local function schedule(job)
  local at = next_check(job)
  if job.status == 'queued' then at = math.min(at, job.expiresAt) end
  redis.call('ZADD', DUE, at, job.id)
end

-- processing -> queued, or queued -> queued later. The job gets a new deadline to start, so that one that was claimed in time does
-- not expire because its worker died. A frame keeps its deadline: later it would be of no use.
local function requeue(job, delay)
  if job.status == 'processing' then
    redis.call('HINCRBY', STATS, 'processing:' .. job.queue, -1)
    count_status(job, 'processing', queued_count(job))
  end
  job.status = 'queued'
  if not job.camera then job.expiresAt = now + delay + job.startWithin end
  redis.call('ZADD', waiting_key(job.queue), now + delay, job.id)
  redis.call('HSET', job_key(job.id), 'status', 'queued', 'expiresAt', job.expiresAt)
  schedule(job)
  job_changed(job)
end

-- { name, value, name, value, ... } as a table by name.
local function by_name(pairs_list)
  local map = {}
  for i = 1, #(pairs_list or {}), 2 do map[pairs_list[i]] = pairs_list[i + 1] end
  return map
end

-- Moves a live job to a terminal status and publishes it; its webhook becomes due in the same step. A job ends once, so what it
-- took of the limits is returned exactly once.
-- The first write frees memory: Redis then lets the script continue even when it is full.
local function end_job(job, status, code, detail, more, result_bytes)
  local bytes = result_bytes or 0
  redis.call('ZREM', DUE, job.id)
  if job.blobBytes > 0 then
    redis.call('UNLINK', blob_key(job.id))
    charge_blob(job.flow, -job.blobBytes)
    count_erasure()
  end
  if job.status == 'queued' then
    redis.call('ZREM', waiting_key(job.queue), job.id)
    count_status(job, queued_count(job))
  else
    redis.call('HINCRBY', STATS, 'processing:' .. job.queue, -1)
    count_status(job, 'processing')
  end
  if job.token then redis.call('HDEL', LANE_TOKENS, job.token) end
  if not job.batch and not job.camera and job.status == 'queued' then leave_jobs_lane(job.id, job.queue, job.flow) end
  -- A worker that has claimed the job must abort it. A worker that finishes the job itself need not hear of that.
  local abort = job.claim ~= '' and status ~= 'succeeded' and status ~= 'failed'
  if job.batch then
    end_item(job, status, code, detail, by_name(more))
    if abort then redis.call('PUBLISH', PREFIX .. ':cancel', job.id) end
    return
  end
  if job.camera then end_frame(job, status, code, detail, by_name(more)) end
  local fields = {
    'status', status, 'finishedAt', now, 'expiresAt', now + job.resultTtl, 'claim', '', 'lock', '',
    'blobBytes', 0, 'resultBytes', bytes,
  }
  if bytes > 0 then
    fields[#fields + 1] = 'resultEpoch'
    fields[#fields + 1] = charge_results(job.flow, bytes, bytes, nil)
  end
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
  if job.webhookHost then add_webhook(job_key(job.id), job.id, job.webhookHost, job.flow, bytes) end
  redis.call('PUBLISH', PREFIX .. ':ended', job.id .. ' ' .. status)
  if abort then redis.call('PUBLISH', PREFIX .. ':cancel', job.id) end
end

local function expire(job)
  end_job(job, 'expired', 'expired', NOT_STARTED_TEXT)
end

-- Erases what remains of a job except its webhook: record, result, image and reservation. The only place that returns the result
-- bytes of a record.
local function erase_record(job)
  redis.call('ZREM', DUE, job.id)
  redis.call('ZREM', waiting_key(job.queue), job.id)
  redis.call('DEL', job_key(job.id))
  count_erasure()
  if job.idempotency then redis.call('DEL', reservation_key(job.idempotency)) end
  if job.blobBytes > 0 then
    redis.call('UNLINK', blob_key(job.id))
    charge_blob(job.flow, -job.blobBytes)
  end
  if job.resultBytes > 0 then charge_results(job.flow, -job.resultBytes, 0, job.resultEpoch) end
end
