-- Admits a job or refuses it, and writes its record, deadline and image. BullMQ is told after this, on the same connection.
-- KEYS 1 prefix
-- ARGV 1 id  2 queue  3 ms within which it must start  4 ms its caller waits, '' when nobody does  5 ms its record outlives it
--      6 max waiting  7 max blob bytes  8 max result bytes  9 max ms of the oldest
--      10 source: 'inline' or a url  11 options (JSON)  12 request id  13 owner
--      14 idempotency key, '' for none  15 fingerprint  16 webhook url, '' for none  17 its host
--      18 image bytes, '' when not inline
-- Returns {'ok', createdAt, expiresAt} | {'replayed', id, createdAt, expiresAt}: the job that has the key
--       | {'conflict'}: that job was asked for otherwise | {'full', reason, ms to try again} | {'exists'}
-- Invariant: no record, reservation or image is written unless 'ok' is returned, and no limit is ever passed.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../limits/throughput.lua
--- @include ../limits/admission.lua
local id, queue, blob = ARGV[1], ARGV[2], ARGV[18]
local start_within = tonumber(ARGV[3])
local key, fingerprint, webhook = ARGV[14], ARGV[15], ARGV[16]

-- The job that has the key, unless its time is over and only the sweep has not come by yet.
local function key_holder()
  local holder, asked = string.match(redis.call('GET', reservation_key(key)) or '', '^(%S+) (.*)$')
  if not holder then return nil end
  local job = load_job(holder)
  if is_live(job) or job.expiresAt > now then return job, asked end
  erase_record(job)
end

if key ~= '' then
  local job, asked = key_holder()
  if job and asked ~= fingerprint then return { 'conflict' } end
  if job then
    -- Two callers count on it now: its submitter may no longer take it back. Frees memory, so that it works when Redis is full.
    redis.call('HDEL', job_key(job.id), 'unshared')
    return { 'replayed', job.id, job.createdAt, job.expiresAt }
  end
end
if redis.call('EXISTS', job_key(id)) == 1 then return { 'exists' } end
local reason, retry = refusal(queue, 1, #blob, read_limits(6), tonumber(ARGV[4]), webhook ~= '' and ARGV[17] or nil)
if reason then return { 'full', reason, retry } end

local expires = now + start_within
redis.call('HSET', job_key(id),
  'status', 'queued', 'queue', queue, 'source', ARGV[10], 'options', ARGV[11], 'requestId', ARGV[12], 'owner', ARGV[13],
  'createdAt', now, 'startWithin', start_within, 'expiresAt', expires, 'resultTtl', ARGV[5],
  'attempts', 0, 'claim', '', 'lock', '', 'blobBytes', #blob, 'resultBytes', 0)
if key ~= '' then
  redis.call('HSET', job_key(id), 'idempotency', key, 'unshared', 1)
  redis.call('SET', reservation_key(key), id .. ' ' .. fingerprint)
end
if webhook ~= '' then
  redis.call('HSET', job_key(id), 'webhookUrl', webhook, 'webhookHost', ARGV[17], 'webhookStatus', 'waiting')
end
if #blob > 0 then
  redis.call('SET', blob_key(id), blob)
  redis.call('HINCRBY', STATS, 'blobBytes', #blob)
end
begin_waiting(queue)
redis.call('ZADD', waiting_key(queue), now, id)
schedule({ id = id, status = 'queued', createdAt = now, expiresAt = expires })
return { 'ok', now, expires }
