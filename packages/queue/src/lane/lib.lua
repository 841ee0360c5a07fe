-- Lanes: how batches and cameras share workers fairly. A lane is a list of what waits in one batch or of one camera: a fair sub-queue,
-- what BullMQ Pro calls a group. BullMQ carries tokens of the lane instead of its entries. A worker that gets a token takes the first
-- entry of the lane, and the next token goes to the end of BullMQ's list: so lanes take turns, whatever their lengths. From then on
-- the token is bound to the entry's job, and BullMQ locks, renews and redelivers it as it does the id of any other job.
-- Invariants, after each script:
--   `turns` of a lane's hash is the number of its unbound tokens: at least min(LANE_WIDTH, length of the lane), at most LANE_WIDTH;
--   an unbound token is in `due`; a bound one is the `ticket` field of its live job's record.
-- A single job is delivered by a token too, made of its id and bound to it from the start, or by its own id if nothing waited when it was
-- submitted or its gateway knew no flows. A token that has brought something else instead, because it was another flow's turn, is bound to that, and the
-- job gets another one (job/claim.lua). A job's id never brings another job: a worker of 0.1.0 that it is delivered to again, after its
-- first worker has died or released it, would run the job of that id, and the other job would have no delivery left.
-- Tokens that were issued and did not reach BullMQ (the process died) are found by `sweep`.
-- LANE_WIDTH: a worker passes on the next token while it claims, in about 2 ms, so 8 tokens serve some thousand items a second. Frames
-- of a camera come one by one, and are processed one after the other while other lanes wait.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua

local function lane_hash(lane) return PREFIX .. ':' .. lane end
local function queue_of_lane(lane) return string.sub(lane, 1, 6) == 'batch:' and 'bulk' or 'cameras' end
local function is_token(id) return string.sub(id, 1, 5) == 'turn-' end

-- The first token of a single job. Its id is unique, so the token is.
local function token_of(id) return 'turn-' .. id end
local function new_token() return 'turn-' .. string.format('%d', redis.call('HINCRBY', STATS, 'turns', 1)) end

-- Issues the tokens that a lane lacks. Returns them; the caller of the script adds them to BullMQ.
local function issue_tokens(lane)
  local issued = {}
  local wanted = math.min(LANE_WIDTH[queue_of_lane(lane)], redis.call('LLEN', lane_key(lane)))
  local unbound = tonumber(redis.call('HGET', lane_hash(lane), 'turns') or 0)
  while unbound + #issued < wanted do
    local token = new_token()
    redis.call('HSET', LANE_TOKENS, token, lane)
    redis.call('ZADD', DUE, now + TOKEN_CHECK_MS, token)
    issued[#issued + 1] = token
  end
  if #issued > 0 then redis.call('HINCRBY', lane_hash(lane), 'turns', #issued) end
  return issued
end

-- The lane of a token, and the id of the job it is bound to or ''; nil for a token that no longer exists, and for the id of a job.
local function read_token(token)
  return string.match(redis.call('HGET', LANE_TOKENS, token) or '', '^(%S+) ?(.*)$')
end

-- BullMQ knows a job by this token from here on.
local function bind(job, token, lane)
  redis.call('HSET', LANE_TOKENS, token, lane .. ' ' .. job.id)
  redis.call('HSET', job_key(job.id), 'ticket', token)
  job.token = token
end

-- Gives a job a token of its own, which the caller of the script adds to BullMQ.
local function bind_to_new_token(job, lane)
  if job.token then redis.call('HDEL', LANE_TOKENS, job.token) end
  bind(job, new_token(), lane)
  return job.token
end

-- An unbound token is used, or its lane no longer exists.
local function spend_token(token, lane)
  redis.call('ZREM', DUE, token)
  if redis.call('EXISTS', lane_hash(lane)) == 1 then redis.call('HINCRBY', lane_hash(lane), 'turns', -1) end
end
