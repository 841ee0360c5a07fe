-- Ends a claimed job with what came of it.
-- KEYS 1 prefix
-- ARGV 1 id  2 attempt  3 succeeded|failed  4 error code  5 error detail  6 image facts (JSON or '')  7 timings (JSON)  8 result
-- Returns 1, or 0 when it had ended or the claim is stale: the outcome is discarded. Repeating it changes nothing.
--- @include ./lib.lua
--- @include ../limits/throughput.lua
local attempt, status, result = tonumber(ARGV[2]), ARGV[3], ARGV[8]
local job = load_job(ARGV[1])
if not job then return 0 end
if not holds(job, attempt) then return job.endedBy == attempt and 1 or 0 end
local more = { 'endedBy', attempt, 'timings', ARGV[7] }
if ARGV[6] ~= '' then
  more[#more + 1] = 'image'
  more[#more + 1] = ARGV[6]
end
if status == 'succeeded' then
  more[#more + 1] = 'result'
  more[#more + 1] = result
  end_job(job, status, nil, nil, more, #result)
else
  end_job(job, status, ARGV[4], ARGV[5], more)
end
count_end(job.queue)
return 1
