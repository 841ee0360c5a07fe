-- Aborts a submission whose caller was told that it failed.
-- Returns 1 when nothing of it remains, 0 when it stays and runs: a worker has claimed it already, or another call with the same
-- idempotency key was given it.
--- @include ./lib.lua
local job = load_job(args.id)
if not job then return 1 end
if job.status ~= 'queued' or job.attempts > 0 then return 0 end
if job.idempotency and not job.unshared then return 0 end
if job.camera then abort_frame(job) else leave_jobs_lane(job.id, job.queue, job.flow) end
if job.token then redis.call('HDEL', LANE_TOKENS, job.token) end
erase_record(job)
return 1
