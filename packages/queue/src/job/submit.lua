-- Admits a job or refuses it, and writes its record, deadline and image. The caller then adds its delivery to BullMQ, on the same connection.
-- Returns {'ok', createdAt, expiresAt, delivery id} | {'replayed', id, createdAt, expiresAt}: the job that has the idempotency key
--       | {'conflict'}: that job was submitted with another fingerprint | {'full', reason, ms to try again} | {'exists'}
-- Invariant: no record, reservation or image is written unless 'ok' is returned, and no limit is ever exceeded.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../lane/lib.lua
--- @include ../limits/throughput.lua
--- @include ../limits/admission.lua
local id, queue, blob = args.id, args.queue, args.blob
local key, webhook = args.idempotencyKey, args.webhookUrl

-- The job that has the key and its fingerprint. A job whose time is over, but that the sweep has not erased yet, has it no longer.
local function key_holder()
  local holder, fingerprint = string.match(redis.call('GET', reservation_key(key)) or '', '^(%S+) (.*)$')
  if not holder then return nil end
  local job = load_job(holder)
  if is_live(job) or job.expiresAt > now then return job, fingerprint end
  erase_record(job)
end

if key then
  local job, fingerprint = key_holder()
  if job and fingerprint ~= args.fingerprint then return { 'conflict' } end
  if job then
    -- Two callers rely on the job now: its submitter may no longer abort it. This frees memory, so it works when Redis is full.
    redis.call('HDEL', job_key(job.id), 'unshared')
    return { 'replayed', job.id, job.createdAt, job.expiresAt }
  end
end
if redis.call('EXISTS', job_key(id)) == 1 then return { 'exists' } end
local reason, retry = refusal({
  queue = queue, count = 1, bytes = #blob, limits = args.limits, wait_ms = args.waitMs, webhook_host = args.webhookHost,
  flow = args.flow or args.owner, most_of_flow = args.maxPending,
})
if reason then return { 'full', reason, retry } end

local expires = now + args.startTimeoutMs
local job = { id = id, status = 'queued', createdAt = now, expiresAt = expires }
local fields = {
  'status', 'queued', 'queue', queue, 'source', args.source, 'options', args.options.options, 'requestId', args.requestId, 'owner', args.owner,
  'createdAt', now, 'startWithin', args.startTimeoutMs, 'expiresAt', expires, 'resultTtl', args.resultTtlMs,
  'attempts', 0, 'claim', '', 'lock', '', 'blobBytes', #blob, 'resultBytes', 0,
}
local function add(field, value)
  fields[#fields + 1] = field
  fields[#fields + 1] = value
end
if args.options.more then add('moreOptions', args.options.more) end
if args.flow then add('flow', args.flow) end
if args.maxImageBytes then add('maxImageBytes', args.maxImageBytes) end
if key then
  add('idempotency', key)
  add('unshared', 1)
end
if webhook then
  add('webhookUrl', webhook)
  add('webhookHost', args.webhookHost)
  add('webhookStatus', 'waiting')
end
local stats = redis.call('HMGET', STATS, 'unfair', 'alone:' .. queue)
local fair, alone = not stats[1], stats[2]
local waiting = queued_count(queue)
-- Where something waits already, this one's delivery may bring that: only a token can.
if fair and waiting > 0 then
  job.token = token_of(id)
  add('ticket', job.token)
end
redis.call('HSET', job_key(id), unpack(fields))
if key then redis.call('SET', reservation_key(key), id .. ' ' .. args.fingerprint) end
if #blob > 0 then
  redis.call('SET', blob_key(id), blob)
  charge_blob(args.flow or args.owner, #blob)
end
on_enqueue(queue, waiting)
redis.call('ZADD', waiting_key(queue), now, id)
if job.token then redis.call('HSET', LANE_TOKENS, job.token, JOBS_LANE .. ' ' .. id) end
if fair then join_jobs_lane(id, queue, args.flow or args.owner, alone) end
schedule(job)
return { 'ok', now, expires, delivery_id(job) }
