-- The claimed job begins to run: queued -> processing.
-- Returns 1, or 0 when it has ended (also by this call, past its deadline) or the claim is stale. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local job = load_job(args.id)
if not job or not is_current(job, args.attempt) then return 0 end
if job.status == 'processing' then return 1 end
if job.expiresAt <= now then
  expire(job)
  return 0
end
redis.call('ZREM', waiting_key(job.queue), job.id)
redis.call('HINCRBY', STATS, 'processing:' .. job.queue, 1)
count_status(job, queued_count(job), 'processing')
redis.call('HSET', job_key(job.id), 'status', 'processing', 'startedAt', now)
job.status = 'processing'
schedule(job)
job_changed(job)
return 1
