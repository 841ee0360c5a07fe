-- Takes a job up for one worker and counts the attempt.
-- KEYS 1 prefix  ARGV 1 id  2 name of this claim, unique  3 attempts a job may have
-- Returns {attempt, queue, source, options, requestId, createdAt}, or nil when there is nothing to run: no record, ended,
-- held by a live claim, or ended here (past its deadline, or at its attempt limit).
-- Invariant: of all claims made under one BullMQ lock one wins. A repeated call with the same name gets the same answer.
--- @include keys
--- @include clock
--- @include delivery
--- @include job
local max_attempts = tonumber(ARGV[3])
local job = load_job(ARGV[1])
if not job or not is_live(job) then return nil end
if job.claim ~= ARGV[2] then
  if claim_lives(job) then return nil end
  if job.status == 'processing' then requeue(job, 0) end
  if job.expiresAt <= now then
    expire(job)
    return nil
  end
  if job.attempts >= max_attempts then
    end_job(job, 'failed', 'internal_error', 'The job was given up after ' .. job.attempts .. ' attempts that did not end.')
    return nil
  end
  job.attempts = job.attempts + 1
  redis.call('HSET', job_key(job.id), 'attempts', job.attempts, 'claim', ARGV[2], 'lock', current_lock(job))
end
local rest = redis.call('HMGET', job_key(job.id), 'source', 'options', 'requestId')
return { job.attempts, job.queue, rest[1], rest[2], rest[3], job.createdAt }
