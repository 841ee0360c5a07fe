-- Gives a claimed job back to its queue. The caller then makes BullMQ deliver it again after the delay.
-- KEYS 1 prefix  ARGV 1 id  2 attempt  3 delay ms  4 '1' when the attempt does not count towards the limit
-- Returns 1, or 0 when it has ended or the claim is stale. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ./lib.lua
local attempt = tonumber(ARGV[2])
local job = load_job(ARGV[1])
if not job then return 0 end
if not holds(job, attempt) then
  return job.status == 'queued' and job.claim == '' and job.attempts == attempt and 1 or 0
end
requeue(job, tonumber(ARGV[3]))
redis.call('HSET', job_key(job.id), 'claim', '', 'lock', '')
if ARGV[4] == '1' then redis.call('HINCRBY', job_key(job.id), 'forgiven', 1) end
return 1
