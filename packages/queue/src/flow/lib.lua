-- Flows: how callers share workers fairly. A flow has lanes in each queue: one of its single jobs, called `jobs`, and one of each of its
-- batches or cameras. While two flows or more wait, a claim takes the next entry of the flow whose turn it is, whatever job or lane
-- BullMQ delivered (job/claim.lua).
-- Turns are those of self-clocked fair queueing (Golestani, 1994). A flow that begins to wait gets the turn `clock` + 1 / weight, the
-- earliest turn is served, the clock becomes that turn, and the flow, while it waits, gets the next one 1 / weight later. So flows that
-- wait are served in the ratio of their weights, and one that begins to wait is passed by each other flow of its weight once at most. A
-- flow that stops waiting leaves nothing behind: its last turn is not later than the clock.
-- The lanes of a flow take turns in the same way, all with one weight.
-- A flow that is alone pays for no turns. While nothing but single jobs of one flow waits in a queue, stats.alone:<queue> names it, and
-- it is in neither `flows` nor `lanes`: jobs join and leave its lane, and each delivery brings its own job. When something else begins to
-- wait, the flow gets a turn as one that begins to wait at that moment. It counts as alone again only when it is served while nothing
-- else waits (job/claim.lua), and then its next turn would be as late. So whoever comes and goes between its jobs, however often, takes
-- no more turns from it than one that stays.
-- Invariants, after each script, as long as all processes are of a release that knows flows:
--   a single job is in the lane of its flow exactly while it is `queued` and no worker has ever claimed it;
--   a lane is in `lanes` while something waits in it, and a flow in `flows` while it has a lane there, unless it is alone;
--   while stats.alone:<queue> names a flow, nothing of others waits in the queue, and no job in its lane was passed over.
-- Other releases break them harmlessly: a claim skips what is not there, and takes up lanes that it is delivered tokens of.
-- stats.clock:<queue> is the clock; it is deleted when at most one flow waits, alone. The name of a flow that was alone remains when its
-- last job is claimed, until another flow waits or the next sweep. stats.unfair is set while a worker is seen that knows no flows
-- (flow/workers-lib.lua): then jobs and lanes join no flows, and each delivery brings what it names.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua

-- What LANE_TOKENS and `lanes` call the lane of a flow's single jobs.
local JOBS_LANE = 'jobs'

local function is_fair() return not redis.call('HGET', STATS, 'unfair') end
local function flow_alone(queue) return redis.call('HGET', STATS, 'alone:' .. queue) end
local function weight_of(flow) return tonumber(redis.call('HGET', WEIGHTS, flow) or 1) end

-- Flows of which something waits: all, or `most` of them.
local function queued_flows(queue, most)
  local alone = flow_alone(queue)
  if alone then return redis.call('EXISTS', jobs_lane_key(queue, alone)) == 1 and { alone } or {} end
  return redis.call('ZRANGE', flows_key(queue), 0, most and most - 1 or -1)
end

local function enter_lane(queue, flow, lane)
  local lanes = lanes_key(queue, flow)
  local first = redis.call('ZRANGE', lanes, 0, 0, 'WITHSCORES')
  redis.call('ZADD', lanes, tonumber(first[2] or 0) + 1, lane)
  if first[1] then return end
  local clock = tonumber(redis.call('HGET', STATS, 'clock:' .. queue) or 0)
  redis.call('ZADD', flows_key(queue), clock + 1 / weight_of(flow), flow)
end

-- Something waits in a lane of a flow.
local function join_flow(queue, flow, lane)
  if redis.call('ZSCORE', lanes_key(queue, flow), lane) then return end
  local alone = flow_alone(queue)
  if alone then
    redis.call('HDEL', STATS, 'alone:' .. queue)
    if redis.call('EXISTS', jobs_lane_key(queue, alone)) == 1 then enter_lane(queue, alone, JOBS_LANE) end
  end
  enter_lane(queue, flow, lane)
end

-- Nothing waits in a lane of a flow any more.
local function leave_flow(queue, flow, lane)
  if redis.call('ZREM', lanes_key(queue, flow), lane) == 0 or redis.call('EXISTS', lanes_key(queue, flow)) == 1 then return end
  redis.call('ZREM', flows_key(queue), flow)
  if redis.call('EXISTS', flows_key(queue)) == 0 then redis.call('HDEL', STATS, 'clock:' .. queue) end
end

-- `alone`: the flow that waits alone.
local function join_jobs_lane(id, queue, flow, alone)
  redis.call('ZADD', jobs_lane_key(queue, flow), now, id)
  if alone == flow then return end
  if redis.call('EXISTS', alone and jobs_lane_key(queue, alone) or flows_key(queue)) == 1 then
    join_flow(queue, flow, JOBS_LANE)
  else
    redis.call('HSET', STATS, 'alone:' .. queue, flow)
  end
end

-- Whether the job was in the lane.
local function leave_jobs_lane(id, queue, flow)
  if redis.call('ZREM', jobs_lane_key(queue, flow), id) == 0 then return false end
  if redis.call('EXISTS', jobs_lane_key(queue, flow)) == 1 then return true end
  if flow_alone(queue) == flow then
    redis.call('HDEL', STATS, 'alone:' .. queue)
  else
    leave_flow(queue, flow, JOBS_LANE)
  end
  return true
end

-- A job in the lane, whose delivery has brought something else, comes before those that are still to be delivered: it has waited longer.
local function pass_over(id, queue, flow)
  local time = tonumber(redis.call('ZSCORE', jobs_lane_key(queue, flow), id))
  if time > 0 then redis.call('ZADD', jobs_lane_key(queue, flow), time - PASSED_OVER, id) end
end

local function first_was_passed_over(queue, flow)
  local first = redis.call('ZRANGE', jobs_lane_key(queue, flow), 0, 0, 'WITHSCORES')
  return first[2] ~= nil and tonumber(first[2]) < 0
end

-- The lane of a batch or camera has lost entries.
local function leave_if_empty(queue, flow, lane)
  if redis.call('EXISTS', lane_key(lane)) == 0 then leave_flow(queue, flow, lane) end
end

-- Flow and lane whose turn it is; nil when nothing waits.
local function next_lane(queue)
  local flow = redis.call('ZRANGE', flows_key(queue), 0, 0)[1]
  if not flow then return nil end
  return flow, redis.call('ZRANGE', lanes_key(queue, flow), 0, 0)[1]
end

-- A flow has been served while no other waited: it is alone from here on if only its single jobs wait, none of them passed over.
local function leave_alone(queue, flow)
  local lanes = redis.call('ZRANGE', lanes_key(queue, flow), 0, 1)
  if #lanes ~= 1 or lanes[1] ~= JOBS_LANE then return end
  redis.call('DEL', flows_key(queue), lanes_key(queue, flow))
  redis.call('HDEL', STATS, 'clock:' .. queue)
  redis.call('HSET', STATS, 'alone:' .. queue, flow)
end

-- The next turn of the flow, and of its lane, is one later.
local function advance_flow(queue, flow, lane)
  redis.call('ZINCRBY', flows_key(queue), 1 / weight_of(flow), flow)
  redis.call('ZINCRBY', lanes_key(queue, flow), 1, lane)
end

-- The flow whose turn it is has got it. Call it before its entry leaves the lane.
local function charge_flow(queue, flow, lane)
  local tag = tonumber(redis.call('ZSCORE', flows_key(queue), flow))
  redis.call('HSET', STATS, 'clock:' .. queue, string.format('%.17g', tag))
  advance_flow(queue, flow, lane)
end
