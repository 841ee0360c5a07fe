-- Returns a claimed job to its queue. The caller then makes BullMQ deliver it again after the delay.
-- Returns 1, or 0 when it has ended or the claim is stale. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ./lib.lua
local job = load_job(args.id)
if not job then return 0 end
if not is_current(job, args.attempt) then
  return job.status == 'queued' and job.claim == '' and job.attempts == args.attempt and 1 or 0
end
requeue(job, args.delayMs)
redis.call('HSET', job_key(job.id), 'claim', '', 'lock', '')
if args.forgiven then redis.call('HINCRBY', job_key(job.id), 'forgiven', 1) end
return 1
