-- Ends a claimed job with its outcome.
-- Returns 1, or 0 when it had ended or the claim is stale: the outcome is discarded. Repeating it changes nothing.
--- @include ./lib.lua
--- @include ../limits/throughput.lua
--- @include ../camera/limit-lib.lua
local attempt, status = args.attempt, args.status
local job = load_job(args.id)
if not job then return 0 end
if not is_current(job, attempt) then return job.endedBy == attempt and 1 or 0 end
local more = { 'endedBy', attempt, 'timings', args.timings }
if args.image then
  more[#more + 1] = 'image'
  more[#more + 1] = args.image
end
if status == 'succeeded' then
  more[#more + 1] = 'result'
  more[#more + 1] = args.result
  if args.details then
    more[#more + 1] = 'details'
    more[#more + 1] = args.details
  end
  end_job(job, status, nil, nil, more, #args.result + #(args.details or ''))
else
  end_job(job, status, args.errorCode, args.errorDetail, more)
end
if job.camera and status == 'succeeded' then count_camera(job.camera) end
count_end(job.queue)
return 1
