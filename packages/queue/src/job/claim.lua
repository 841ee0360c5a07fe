-- Claims a job for one worker and counts the attempt.
-- Returns {{id, attempt, queue, source, options, requestId, createdAt, owner, flow, maxImageBytes, moreOptions}, queue, token, token, ...}: lane tokens to add to that queue.
-- The first is nil when there is nothing to run: no record, ended, a live claim exists, a token whose lane is empty, or ended by this
-- call (past its deadline, or at its attempt limit).
-- Invariant: of all claims made under one BullMQ lock one wins. A repeated call with the same name gets the same answer except for
-- the tokens, which `sweep` finds when they got lost.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../batch/lib.lua
--- @include ../camera/lib.lua
--- @include ../lane/lib.lua
--- @include ./lib.lua
local delivered = args.deliveryId
local tokens, tokens_queue = {}, ''

local function reply(job) return { job, tokens_queue, unpack(tokens) } end

-- The record of the batch's next item, bound to the delivery; nil when none waits, or the batch was stopped.
local function next_item(id)
  local batch = redis.call('HMGET', batch_key(id), 'stopped', 'options', 'requestId', 'owner', 'maxImageBytes', 'flow', 'moreOptions')
  if batch[1] then return nil end
  local entry = redis.call('LPOP', lane_key(batch_lane(id)))
  if not entry then return nil end
  leave_if_empty('bulk', batch[6] or batch[4], batch_lane(id))
  local item = cjson.decode(entry)
  redis.call('HINCRBY', STATS, 'items', -1)
  redis.call('HSET', job_key(item.j),
    'status', 'queued', 'queue', 'bulk', 'source', item.u or 'inline', 'options', batch[2], 'requestId', batch[3], 'owner', batch[4],
    'createdAt', item.t, 'startWithin', ITEM_START_TIMEOUT_MS, 'expiresAt', now + ITEM_START_TIMEOUT_MS, 'resultTtl', 0,
    'attempts', 0, 'claim', '', 'lock', '', 'blobBytes', item.b or 0, 'resultBytes', 0,
    'batch', id, 'name', item.n, 'ticket', delivered)
  if item.l then redis.call('HSET', job_key(item.j), 'line', item.l) end
  if batch[5] then redis.call('HSET', job_key(item.j), 'maxImageBytes', batch[5]) end
  if batch[6] then redis.call('HSET', job_key(item.j), 'flow', batch[6]) end
  if batch[7] then redis.call('HSET', job_key(item.j), 'moreOptions', batch[7]) end
  redis.call('SADD', active_key(id), item.j)
  redis.call('ZADD', waiting_key('bulk'), now, item.j)
  return load_job(item.j)
end

-- The camera's next frame that is still in time. Frames that are not end here.
local function next_frame(name)
  while true do
    local id = redis.call('LPOP', lane_key(camera_lane(name)))
    if not id then return nil end
    leave_if_no_frame_waits(name)
    local job = load_job(id)
    if job and is_live(job) then
      -- It has left the lane.
      job.token = delivered
      if job.expiresAt > now then
        redis.call('HSET', job_key(id), 'ticket', delivered)
        return job
      end
      expire(job)
    end
  end
end

-- The flow's single job that has waited longest and is still in time. Jobs that are not end here.
local function next_single_job(queue, flow)
  while true do
    local id = redis.call('ZRANGE', jobs_lane_key(queue, flow), 0, 0)[1]
    if not id then return nil end
    local job = load_job(id)
    leave_jobs_lane(id, queue, flow)
    -- A process of another release has claimed or ended it.
    if job and job.status == 'queued' and job.attempts == 0 then
      if job.expiresAt > now then return job end
      expire(job)
    end
  end
end

-- What is next in turn in the queue, and its lane. Before a delivery of something that waits is used, so there is something.
local function next_by_flow(queue)
  while true do
    local flow, lane = next_lane(queue)
    if not flow then return nil end
    charge_flow(queue, flow, lane)
    local kind, name = string.match(lane, '^(%a+):?(.*)$')
    local job
    if kind == 'batch' then
      job = next_item(name)
    elseif kind == 'camera' then
      job = next_frame(name)
    else
      job = next_single_job(queue, flow)
    end
    if job then return job, lane end
    leave_flow(queue, flow, lane)
  end
end

-- How many flows take turns in the queue: one that is alone is not listed.
local function listed_flows(queue) return is_fair() and redis.call('ZCARD', flows_key(queue)) or 0 end

-- Takes the next entry of the token's lane or, while several flows wait, what is next in turn.
local function job_of_token(token, lane)
  spend_token(token, lane)
  local kind, name = string.match(lane, '^(%a+):(.*)$')
  local queue = queue_of_lane(lane)
  local job
  if redis.call('EXISTS', lane_hash(lane)) == 1 then
    local stopped = kind == 'batch' and redis.call('HEXISTS', batch_key(name), 'stopped') == 1
    -- A process of another release has filled it.
    if is_fair() and not stopped and redis.call('EXISTS', lane_key(lane)) == 1 then
      join_flow(queue, (kind == 'batch' and flow_of_batch or flow_of_camera)(name), lane)
    end
    local from = lane
    if listed_flows(queue) > 1 then
      job, from = next_by_flow(queue)
    else
      job = (kind == 'batch' and next_item or next_frame)(name)
    end
    -- A single job's own delivery, if it was another one, brings nothing any more.
    if job then
      if job.token and job.token ~= token then redis.call('HDEL', LANE_TOKENS, job.token) end
      bind(job, token, from)
    end
    -- A stopped batch gets no tokens: what waits in it is not for workers.
    if not stopped and redis.call('EXISTS', lane_hash(lane)) == 1 then tokens, tokens_queue = issue_tokens(lane), queue end
  end
  if not job then redis.call('HDEL', LANE_TOKENS, token) end
  return job
end

-- A token of a single job that waits takes that or, while several flows wait, what is next in turn; then the job waits for another
-- token: that of the single job taken instead of it, or a new one. A delivery by the job's own id brings that job and no other: workers
-- of another release go by the id (lane/lib.lua).
local function job_instead_of(own)
  local queue = own.queue
  local flows = listed_flows(queue)
  local job, lane
  if not own.token then
    advance_flow(queue, own.flow, JOBS_LANE)
    leave_jobs_lane(own.id, queue, own.flow)
    return own
  elseif flows > 1 then
    job, lane = next_by_flow(queue)
  elseif first_was_passed_over(queue, own.flow) then
    job, lane = next_single_job(queue, own.flow), JOBS_LANE
  else
    if flows == 1 then leave_alone(queue, own.flow) end
    leave_jobs_lane(own.id, queue, own.flow)
    return own
  end
  if not job or job.id == own.id then return job end
  if redis.call('ZSCORE', jobs_lane_key(queue, own.flow), own.id) == false then
    -- It was found to be overdue, and has ended.
    if job.token then redis.call('HDEL', LANE_TOKENS, job.token) end
  else
    pass_over(own.id, queue, own.flow)
    if lane == JOBS_LANE and job.token then
      bind(own, job.token, JOBS_LANE)
    else
      tokens, tokens_queue = { bind_to_new_token(own, JOBS_LANE) }, queue
      -- BullMQ had it so far. If the new token does not get there, the sweep finds out as soon as after a submission.
      redis.call('ZADD', DUE, math.min(now + MIN_JOB_CHECK_MS, own.expiresAt), own.id)
    end
  end
  bind(job, delivered, lane)
  return job
end

local function delivered_job()
  local lane, bound = read_token(delivered)
  if is_token(delivered) and not lane then return nil end
  if bound == '' then return job_of_token(delivered, lane) end
  local job = load_job(bound or delivered)
  -- Another delivery was exchanged for this one.
  if not job or delivery_id(job) ~= delivered then return nil end
  if job.batch or job.camera or job.status ~= 'queued' then return job end
  local lane = jobs_lane_key(job.queue, job.flow)
  if flow_alone(job.queue) == job.flow then
    redis.call('ZREM', lane, job.id)
    return job
  end
  return not redis.call('ZSCORE', lane, job.id) and job or job_instead_of(job)
end

local job = delivered_job()
if not job or not is_live(job) then return reply(false) end
if job.claim ~= args.claim then
  if claim_lives(job) then return reply(false) end
  if job.status == 'processing' then requeue(job, 0) end
  if job.expiresAt <= now then
    expire(job)
    return reply(false)
  end
  -- `attempts` also names claims, so it only grows; attempts that do not count towards the limit are counted apart.
  local spent = job.attempts - (job.forgiven or 0)
  if spent >= args.maxAttempts then
    end_job(job, 'failed', 'internal_error', string.format(ATTEMPTS_SPENT_TEXT, spent))
    return reply(false)
  end
  job.attempts = job.attempts + 1
  redis.call('HSET', job_key(job.id), 'attempts', job.attempts, 'claim', args.claim, 'lock', current_lock(job))
  schedule(job)
end
local rest = redis.call('HMGET', job_key(job.id), 'source', 'options', 'requestId', 'maxImageBytes', 'flow', 'moreOptions')
local owner = job.owner or ''
return reply({ job.id, job.attempts, job.queue, rest[1], rest[2], rest[3], job.createdAt, owner, rest[5] or owner, rest[4], rest[6] })
