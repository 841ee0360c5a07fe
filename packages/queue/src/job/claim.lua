-- Takes a job up for one worker and counts the attempt.
-- KEYS 1 prefix  ARGV 1 ticket: the job's id, or a turn  2 name of this claim, unique  3 attempts a job may have
-- Returns {{id, attempt, queue, source, options, requestId, createdAt}, queue, turn, turn, ...}: the turns are for that queue of BullMQ.
-- The first is nil when there is nothing to run: no record, ended, held by a live claim, a turn whose lane is empty, or ended
-- here (past its deadline, or at its attempt limit).
-- Invariant: of all claims made under one BullMQ lock one wins. A repeated call with the same name gets the same answer, but for
-- turns, which `sweep` finds when they got lost.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../batch/lib.lua
--- @include ../camera/lib.lua
--- @include ./lib.lua
--- @include ../lane/lib.lua
local ticket, max_attempts = ARGV[1], tonumber(ARGV[3])
local turns, turns_queue = {}, ''

local function answer(job) return { job, turns_queue, unpack(turns) } end

-- The record of the batch's next item, bound to the ticket; nil when none waits, or the batch was stopped.
local function next_item(id)
  local batch = redis.call('HMGET', batch_key(id), 'stopped', 'options', 'requestId', 'owner')
  if batch[1] then return nil end
  local entry = redis.call('LPOP', lane_key(batch_lane(id)))
  if not entry then return nil end
  local item = cjson.decode(entry)
  redis.call('HINCRBY', STATS, 'items', -1)
  redis.call('HSET', job_key(item.j),
    'status', 'queued', 'queue', 'bulk', 'source', item.u or 'inline', 'options', batch[2], 'requestId', batch[3], 'owner', batch[4],
    'createdAt', item.t, 'startWithin', ITEM_START_WITHIN, 'expiresAt', now + ITEM_START_WITHIN, 'resultTtl', 0,
    'attempts', 0, 'claim', '', 'lock', '', 'blobBytes', item.b or 0, 'resultBytes', 0,
    'batch', id, 'name', item.n, 'ticket', ticket)
  if item.l then redis.call('HSET', job_key(item.j), 'line', item.l) end
  redis.call('SADD', active_key(id), item.j)
  redis.call('ZADD', waiting_key('bulk'), now, item.j)
  return load_job(item.j)
end

-- The camera's next frame that is still in time; those that are not end here.
local function next_frame(name)
  while true do
    local id = redis.call('LPOP', lane_key(camera_lane(name)))
    if not id then return nil end
    local job = load_job(id)
    if job and is_live(job) then
      -- It has left the lane.
      job.ticket = ticket
      if job.expiresAt > now then
        redis.call('HSET', job_key(id), 'ticket', ticket)
        return job
      end
      expire(job)
    end
  end
end

local function job_of_turn()
  local lane, bound = read_turn(ticket)
  if not lane then return nil end
  if bound ~= '' then return load_job(bound) end
  spend_turn(ticket, lane)
  local kind, name = string.match(lane, '^(%a+):(.*)$')
  local job
  if redis.call('EXISTS', lane_hash(lane)) == 1 then
    job = (kind == 'batch' and next_item or next_frame)(name)
    -- What waits of a stopped batch is not for workers.
    if job then turns, turns_queue = issue_turns(lane), queue_of(lane) end
  end
  if job then
    redis.call('HSET', TURNS, ticket, lane .. ' ' .. job.id)
  else
    redis.call('HDEL', TURNS, ticket)
  end
  return job
end

local job
if is_turn(ticket) then job = job_of_turn() else job = load_job(ticket) end
if not job or not is_live(job) then return answer(false) end
if job.claim ~= ARGV[2] then
  if claim_lives(job) then return answer(false) end
  if job.status == 'processing' then requeue(job, 0) end
  if job.expiresAt <= now then
    expire(job)
    return answer(false)
  end
  -- `attempts` also names claims, so it only grows; those that say nothing of the job are counted apart.
  local spent = job.attempts - (job.forgiven or 0)
  if spent >= max_attempts then
    end_job(job, 'failed', 'internal_error', 'The job was given up after ' .. spent .. ' attempts that did not end.')
    return answer(false)
  end
  job.attempts = job.attempts + 1
  redis.call('HSET', job_key(job.id), 'attempts', job.attempts, 'claim', ARGV[2], 'lock', current_lock(job))
  schedule(job)
end
local rest = redis.call('HMGET', job_key(job.id), 'source', 'options', 'requestId')
return answer({ job.id, job.attempts, job.queue, rest[1], rest[2], rest[3], job.createdAt })
