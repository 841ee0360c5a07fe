-- The claimed job begins to run: queued -> processing.
-- KEYS 1 prefix  ARGV 1 id  2 attempt
-- Returns 1, or 0 when it has ended (also just now, past its deadline) or the claim is stale. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local job = load_job(ARGV[1])
if not job or not holds(job, tonumber(ARGV[2])) then return 0 end
if job.status == 'processing' then return 1 end
if job.expiresAt <= now then
  expire(job)
  return 0
end
redis.call('ZREM', waiting_key(job.queue), job.id)
redis.call('HINCRBY', STATS, 'processing:' .. job.queue, 1)
count_status(job, waits_as(job), 'processing')
redis.call('HSET', job_key(job.id), 'status', 'processing', 'startedAt', now)
job.status = 'processing'
schedule(job)
changed(job)
return 1
