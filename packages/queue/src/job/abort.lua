-- Takes a submission back whose caller was told that it failed.
-- KEYS 1 prefix  ARGV 1 id
-- Returns 1 when nothing of it is left, 0 when it stays and runs: a worker has taken it up already, or another call with
-- the same idempotency key was given it.
--- @include ../camera/lib.lua
--- @include ./lib.lua
local job = load_job(ARGV[1])
if not job then return 1 end
if job.status ~= 'queued' or job.attempts > 0 then return 0 end
if job.idempotency and not job.unshared then return 0 end
if job.camera then unpost(job) end
erase_record(job)
return 1
