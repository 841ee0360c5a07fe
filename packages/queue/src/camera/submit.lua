-- Takes a camera's frame, or refuses it.
-- KEYS 1 prefix
-- ARGV 1 id  2 camera "<owner>/<name>"  3 'latest' or 'all'  4 ms within which it must start  5 ms its record outlives it
--      6 max waiting  7 max blob bytes  8 max result bytes  9 max ms of the oldest
--      10 options (JSON)  11 request id  12 owner  13 when it was taken or ''  14 image bytes
-- Returns {'ok', createdAt, expiresAt, turn, turn, ...}: the turns are for BullMQ | {'full', reason, ms to try again} | {'exists'}
-- Invariant: with 'latest' no other frame of the camera is left that no worker has taken up. Without a frame to replace it costs
-- the same however many wait; each replaced one is paid for by its own post.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../limits/rate.lua
--- @include ./lib.lua
--- @include ../job/lib.lua
--- @include ../lane/lib.lua
--- @include ../limits/throughput.lua
--- @include ../limits/admission.lua
local id, name, keep, blob = ARGV[1], ARGV[2], ARGV[3], ARGV[14]
local limits = read_limits(6)
-- Each camera may take so much of what frames may: one that floods leaves the others their room.
local CAMERA_SHARE = 1 / 8
local MAX_CAMERAS = 256
if redis.call('EXISTS', job_key(id)) == 1 then return { 'exists' } end

local seen = redis.call('HMGET', camera_key(name), 'createdAt', 'blobBytes')
if not seen[1] and redis.call('ZCARD', CAMERAS) >= MAX_CAMERAS then return { 'full', 'cameras', MAX_RETRY } end
local lane = camera_lane(name)
local replaced, freed = {}, 0
if keep == 'latest' then
  for _, other in ipairs(redis.call('LRANGE', lane_key(lane), 0, -1)) do
    local job = load_job(other)
    if job and is_live(job) then
      replaced[#replaced + 1] = job
      freed = freed + job.blobBytes
    end
  end
else
  local share = SHARE.cameras * CAMERA_SHARE
  local full = redis.call('LLEN', lane_key(lane)) + 1 > math.max(1, limits.waiting * share)
    or tonumber(seen[2] or 0) > 0 and tonumber(seen[2]) + #blob > limits.blobBytes * share
  if full then return { 'full', 'camera', retry_after(LEAST_CAMERA_RETRY) } end
end
local reason, retry = refusal('cameras', 1 - #replaced, #blob - freed, limits, nil, nil, true)
if reason then return { 'full', reason, retry } end
for _, job in ipairs(replaced) do end_job(job, 'canceled', 'superseded', 'A newer frame of the camera has replaced it.') end

if not seen[1] then
  -- Results are counted from now on: one who still follows a camera that was forgotten does not wait for numbers it is past.
  redis.call('HSET', camera_key(name), 'createdAt', now, 'posted', 0, 'waiting', 0, 'processing', 0, 'succeeded', 0, 'failed', 0,
    'superseded', 0, 'expired', 0, 'canceled', 0, 'ended', now, 'resultBytes', 0, 'blobBytes', 0, 'turns', 0)
  redis.call('ZADD', DUE, now + FORGOTTEN, 'camera-' .. name)
end
local expires = now + tonumber(ARGV[4])
redis.call('HSET', job_key(id),
  'status', 'queued', 'queue', 'cameras', 'source', 'inline', 'options', ARGV[10], 'requestId', ARGV[11], 'owner', ARGV[12],
  'createdAt', now, 'startWithin', ARGV[4], 'expiresAt', expires, 'resultTtl', ARGV[5],
  'attempts', 0, 'claim', '', 'lock', '', 'blobBytes', #blob, 'resultBytes', 0, 'camera', name)
if ARGV[13] ~= '' then redis.call('HSET', job_key(id), 'takenAt', ARGV[13]) end
if #blob > 0 then redis.call('SET', blob_key(id), blob) end
redis.call('HINCRBY', STATS, 'blobBytes', #blob)
redis.call('HINCRBY', camera_key(name), 'blobBytes', #blob)
redis.call('HINCRBY', camera_key(name), 'posted', 1)
redis.call('HINCRBY', camera_key(name), 'waiting', 1)
redis.call('HSET', camera_key(name), 'keep', keep, 'lastFrameAt', now, 'lastJob', id)
count_once(camera_key(name), 'postedRate')
redis.call('ZADD', CAMERAS, now, name)
begin_waiting('cameras')
redis.call('ZADD', waiting_key('cameras'), now, id)
redis.call('RPUSH', lane_key(lane), id)
schedule({ id = id, status = 'queued', createdAt = now, expiresAt = expires })
return { 'ok', now, expires, unpack(issue_turns(lane)) }
