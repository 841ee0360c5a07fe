-- Turns: what BullMQ carries for a lane, a list of what waits in a batch or of a camera. A worker that is given a turn takes the
-- first of the lane; from then on the turn is bound to that job, and is to BullMQ what the id of any other job is.
-- Lanes share workers round-robin: with each turn that is taken the next one goes to the end of BullMQ's list.
-- Invariants, after each script:
--   `turns` of a lane's hash is the number of its unbound turns, at least min(WIDTH, length of the lane), at most WIDTH;
--   an unbound turn is in `due`; a bound one is the `ticket` of its live job's record.
-- Turns given out that have not reached BullMQ (their process died) are found by `sweep`.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua

-- Turns of a lane on their way at a time. A worker hands the next turn on while it takes one up, about 2 ms: 8 in a row serve some
-- thousand items a second. A camera's frames come one by one, and are looked at one after the other as long as others wait.
local WIDTH = { bulk = 8, cameras = 1 }
-- How soon a turn is looked for in BullMQ, ms.
local TURN_CHECK = 5000

local function lane_hash(lane) return PREFIX .. ':' .. lane end
local function queue_of(lane) return string.sub(lane, 1, 6) == 'batch:' and 'bulk' or 'cameras' end
local function is_turn(id) return string.sub(id, 1, 5) == 'turn-' end

-- Makes the turns a lane lacks. Returns them; whoever called the script hands them to BullMQ.
local function issue_turns(lane)
  local issued = {}
  local wanted = math.min(WIDTH[queue_of(lane)], redis.call('LLEN', lane_key(lane)))
  local unbound = tonumber(redis.call('HGET', lane_hash(lane), 'turns') or 0)
  while unbound + #issued < wanted do
    local turn = 'turn-' .. string.format('%d', redis.call('HINCRBY', STATS, 'turns', 1))
    redis.call('HSET', TURNS, turn, lane)
    redis.call('ZADD', DUE, now + TURN_CHECK, turn)
    issued[#issued + 1] = turn
  end
  if #issued > 0 then redis.call('HINCRBY', lane_hash(lane), 'turns', #issued) end
  return issued
end

-- The lane of a turn, and the id of the job it is bound to or nil; nil for a turn that is over.
local function read_turn(turn)
  return string.match(redis.call('HGET', TURNS, turn) or '', '^(%S+) ?(.*)$')
end

-- An unbound turn is taken, or its lane is gone.
local function spend_turn(turn, lane)
  redis.call('ZREM', DUE, turn)
  if redis.call('EXISTS', lane_hash(lane)) == 1 then redis.call('HINCRBY', lane_hash(lane), 'turns', -1) end
end
