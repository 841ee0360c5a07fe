-- Claims a job for one worker and counts the attempt.
-- Returns {{id, attempt, queue, source, options, requestId, createdAt, owner, flow, maxImageBytes}, queue, token, token, ...}: lane tokens to add to that queue.
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

-- The record of the batch's next item, bound to the token; nil when none waits, or the batch was stopped.
local function next_item(id)
  local batch = redis.call('HMGET', batch_key(id), 'stopped', 'options', 'requestId', 'owner', 'maxImageBytes', 'flow')
  if batch[1] then return nil end
  local entry = redis.call('LPOP', lane_key(batch_lane(id)))
  if not entry then return nil end
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
  redis.call('SADD', active_key(id), item.j)
  redis.call('ZADD', waiting_key('bulk'), now, item.j)
  return load_job(item.j)
end

-- The camera's next frame that is still in time. Frames that are not end here.
local function next_frame(name)
  while true do
    local id = redis.call('LPOP', lane_key(camera_lane(name)))
    if not id then return nil end
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

local function job_of_token(token)
  local lane, bound = read_token(token)
  if not lane then return nil end
  if bound ~= '' then return load_job(bound) end
  spend_token(token, lane)
  local kind, name = string.match(lane, '^(%a+):(.*)$')
  local job
  if redis.call('EXISTS', lane_hash(lane)) == 1 then
    job = (kind == 'batch' and next_item or next_frame)(name)
    -- A stopped batch gets no tokens: what waits in it is not for workers.
    if job then tokens, tokens_queue = issue_tokens(lane), queue_of_lane(lane) end
  end
  if job then
    redis.call('HSET', LANE_TOKENS, token, lane .. ' ' .. job.id)
  else
    redis.call('HDEL', LANE_TOKENS, token)
  end
  return job
end

local job
if is_token(delivered) then job = job_of_token(delivered) else job = load_job(delivered) end
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
local rest = redis.call('HMGET', job_key(job.id), 'source', 'options', 'requestId', 'maxImageBytes', 'flow')
local owner = job.owner or ''
return reply({ job.id, job.attempts, job.queue, rest[1], rest[2], rest[3], job.createdAt, owner, rest[5] or owner, rest[4] })
