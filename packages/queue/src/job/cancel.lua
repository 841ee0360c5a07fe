-- Ends a job that has not ended. A worker that has it in hand hears of it on <prefix>:cancel.
-- KEYS 1 prefix  ARGV 1 id  2 'queued' to leave a job alone that runs already, '' to end that, too
-- Returns 1 when this call ended it, 0 when it had ended or is left alone, -1 when there is no such job.
--- @include ./lib.lua
local job = load_job(ARGV[1])
if not job then return -1 end
if not is_live(job) or (ARGV[2] == 'queued' and job.status ~= 'queued') then return 0 end
end_job(job, 'canceled', 'canceled', 'The job was canceled.')
return 1
