-- Looks at the records that are due: erases ended ones, expires overdue ones, takes dead workers' jobs back.
-- KEYS 1 prefix  ARGV 1 how many records at most
-- Returns {records looked at, id, queue, id, queue, ...}: the jobs BullMQ has lost, which the caller adds again. Should the
-- caller die first, the next look finds them again.
--- @include keys
--- @include clock
--- @include delivery
--- @include job
local ids = redis.call('ZRANGE', DUE, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
local answer = { #ids }
for _, id in ipairs(ids) do
  local job = load_job(id)
  if not job then
    redis.call('ZREM', DUE, id)
  elseif not is_live(job) then
    erase_record(job)
  else
    local unlocked = current_lock(job) == ''
    -- The claim stays: should its worker be alive after all, it may still finish until another claims the job.
    if job.status == 'processing' and unlocked then requeue(job, 0) end
    if job.status == 'queued' and job.expiresAt <= now then
      expire(job)
    else
      if unlocked and redis.call('EXISTS', bull_key(job.queue, id)) == 0 then
        answer[#answer + 1] = id
        answer[#answer + 1] = job.queue
      end
      schedule(job)
    end
  end
end
return answer
