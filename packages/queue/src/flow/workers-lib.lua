-- Whether all workers seen know flows. One that does not takes what BullMQ delivers, and finds a job by its own id or by a token.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ./results-lib.lua
--- @include ../job/lib.lua

local function knows_flows(worker)
  local at, info = string.match(worker, '^(%d+) (.*)$')
  return tonumber(at) < now - WORKER_SILENCE_MS or string.find(info, '"flows":true', 1, true) ~= nil
end

local function each_queued_single_job(visit)
  for _, queue in ipairs(QUEUES) do
    for _, flow in ipairs(queued_flows(queue)) do
      for _, id in ipairs(redis.call('ZRANGE', jobs_lane_key(queue, flow), 0, -1)) do visit(id, queue, flow) end
    end
  end
end

local function waits_unclaimed(job) return job and job.status == 'queued' and job.attempts == 0 end

-- Turns fair shares off when a worker of another release is seen, and on again when none is.
local function check_workers()
  local fair = true
  for _, worker in ipairs(redis.call('HVALS', WORKERS)) do fair = fair and knows_flows(worker) end
  if fair == is_fair() then return end
  if fair then
    redis.call('HDEL', STATS, 'unfair')
    begin_result_epoch(tonumber(redis.call('HGET', STATS, 'resultBytes') or 0))
    -- Workers of the other release have taken jobs and left their entries.
    each_queued_single_job(function(id, queue, flow)
      if not waits_unclaimed(load_job(id)) then leave_jobs_lane(id, queue, flow) end
    end)
  else
    redis.call('HSET', STATS, 'unfair', 1)
  end
end

-- Removes first entries and lanes that processes of another release have emptied: a few, others follow.
local function trim_lanes()
  for _, queue in ipairs(QUEUES) do
    for _, flow in ipairs(queued_flows(queue, TRIMMED_FLOWS)) do
      for _, lane in ipairs(redis.call('ZRANGE', lanes_key(queue, flow), 0, TRIMMED_FLOWS - 1)) do
        if lane ~= JOBS_LANE then leave_if_empty(queue, flow, lane) end
      end
      for _, id in ipairs(redis.call('ZRANGE', jobs_lane_key(queue, flow), 0, TRIMMED_JOBS - 1)) do
        if waits_unclaimed(load_job(id)) then break end
        leave_jobs_lane(id, queue, flow)
      end
    end
    -- A name, or an address, is kept no longer than something of the flow waits.
    if #queued_flows(queue, 1) == 0 then redis.call('HDEL', STATS, 'alone:' .. queue) end
  end
end
