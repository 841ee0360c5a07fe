-- Ends a job that has not ended. A worker that has claimed it is notified on <prefix>:cancel.
-- Returns 1 when this call ended it, 0 when it had ended or is left alone, -1 when there is no such job.
--- @include ./lib.lua
local job = load_job(args.id)
if not job then return -1 end
if not is_live(job) or (args.onlyQueued and job.status ~= 'queued') then return 0 end
end_job(job, 'canceled', 'canceled', JOB_CANCELED_TEXT)
return 1
