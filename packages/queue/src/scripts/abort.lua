-- Takes a submission back whose caller was told that it failed.
-- KEYS 1 prefix  ARGV 1 id
-- Returns 1 when nothing of it is left, 0 when a worker has taken it up already: it then runs, and nobody asks for it.
--- @include keys
--- @include clock
--- @include job
local job = load_job(ARGV[1])
if not job then return 1 end
if job.status ~= 'queued' or job.attempts > 0 then return 0 end
redis.call('ZREM', DUE, job.id)
redis.call('ZREM', waiting_key(job.queue), job.id)
if job.blobBytes > 0 then
  redis.call('UNLINK', blob_key(job.id))
  redis.call('HINCRBY', STATS, 'blobBytes', -job.blobBytes)
end
redis.call('DEL', job_key(job.id))
return 1
